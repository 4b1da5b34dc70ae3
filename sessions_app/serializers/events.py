"""Events in the API's description, drawn from the allow-list in ``sessions_app.events``: it is their one home."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework import serializers

from sessions_app.conf import conf
from sessions_app.events import KINDS, LIVE_KINDS, MAX_EVENTS, Kind, timestamp_of
from sessions_app.values import Check


def max_timestamp_s() -> float:
    """The largest media time of an event: the longest a session may last, in seconds."""
    return conf.max_lifetime.total_seconds()


class EventsField(serializers.JSONField):
    """A batch of events, as it was sent: ``sessions_app.events.read_events`` reads it."""


class StoredEventsField(serializers.Field[Any, Any, Any, Any]):
    """Events as they were stored. They are JSON values already, and there may be thousands: they are passed on."""

    def to_representation(self, value: Any) -> Any:
        return value


class DescribedEvents(OpenApiSerializerFieldExtension):
    """One component for each event type, and one that tells them apart by ``event_type``."""

    target_class = EventsField

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:  # noqa: ARG002
        names = [self._named(auto_schema, f"{name.title()}Event", _shape(name, kind)) for name, kind in KINDS.items()]
        live = [
            self._named(auto_schema, f"{name.title()}Event", _live_shape(name, kind))
            for name, kind in LIVE_KINDS.items()
        ]
        event = self._named(auto_schema, "Event", _one_of([*KINDS, *LIVE_KINDS], [*names, *live]))
        return {"type": "array", "items": event, "minItems": 1, "maxItems": MAX_EVENTS}

    @staticmethod
    def _named(auto_schema: Any, name: str, schema: dict[str, Any]) -> dict[str, str]:
        component = ResolvedComponent(name=name, type=ResolvedComponent.SCHEMA, schema=schema, object=name)
        auto_schema.registry.register_on_missing(component)
        reference: dict[str, str] = component.ref
        return reference


class DescribedStoredEvents(DescribedEvents):
    """Events of a history: those that are stored, with their numbers."""

    target_class = StoredEventsField

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        super().map_serializer_field(auto_schema, direction)
        names = [{"$ref": f"#/components/schemas/{name.title()}Event"} for name in KINDS]
        numbered = {
            "type": "object",
            "description": "An event as it was sent, with its number in the session.",
            "properties": {"seq": {"type": "integer", "minimum": 1}},
            "required": ["seq"],
            **_one_of(KINDS, names),
        }
        return {"type": "array", "items": self._named(auto_schema, "StoredEvent", numbered)}


def _one_of(names: Iterable[str], references: list[dict[str, str]]) -> dict[str, Any]:
    mapping = {name: reference["$ref"] for name, reference in zip(names, references, strict=True)}
    return {"oneOf": references, "discriminator": {"propertyName": "event_type", "mapping": mapping}}


def _shape(event_type: str, kind: Kind) -> dict[str, Any]:
    required = {"timestamp": timestamp_of(max_timestamp_s()), **kind.required}
    return {
        "type": "object",
        "description": "Further fields are withheld: never stored, only counted.",
        "properties": {
            "event_type": {"type": "string", "const": event_type},
            **{name: dict(check.shape) for name, check in required.items()},
            **{name: _or_null(check) for name, check in kind.optional.items()},
        },
        "required": ["event_type", *required],
    }


def _live_shape(event_type: str, kind: Kind) -> dict[str, Any]:
    needed = " and ".join(f"`{name}`" for name in kind.required)
    return {
        **_shape(event_type, kind),
        "description": (
            f"Passed on to open streams and never stored. One without {needed} is not passed on, and a field that is "
            "not as described is left out; neither is an error."
        ),
        "required": ["event_type"],
    }


def _or_null(check: Check) -> dict[str, Any]:
    shape = {**check.shape, "type": [check.shape["type"], "null"]}
    return {**shape, "enum": [*shape["enum"], None]} if "enum" in shape else shape
