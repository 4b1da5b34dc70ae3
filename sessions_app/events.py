"""The allow-list: which fields of which events are stored, with the type, range and length of each.

``KINDS`` is the one home of this list. To store one more field of tone events, add one line to its table::

    "tone": Kind(
        required={"label": text(1, 200)},
        optional={
            "confidence": number(0, 1),
            "breathiness": number(0, 1),  # the new field: stored from now on, no longer counted as withheld
            ...

A required field must be there and must not be null; an optional one may be missing or null. What is not on
the list is withheld: never stored, only counted, so that a newer annotator loses no events. The numbers have
no unit, except ``timestamp``: seconds of media time from the session's start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sessions_app.errors import FieldProblem, InvalidEvent
from sessions_app.jsonbody import is_plain_name, member_path
from sessions_app.privacy import refuse_audio
from sessions_app.values import Check, Fault, boolean, choice, number, text, texts

MAX_EVENTS = 500
"""The most events that one batch may hold."""

MAX_SPEAKER_ID = 64
"""The most characters of a speaker's id."""

MAX_WITHHELD_NAMES = 32
"""The most field names that one batch's count repeats: text must not travel in names."""

LIVE_ONLY = frozenset({"transcript", "service"})
"""Event types that are passed on live but never enter the journal."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The fields of one event type, beside ``event_type`` and ``timestamp``, which every event has."""

    required: Mapping[str, Check]
    optional: Mapping[str, Check] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventBatch:
    """A batch that passed. ``events`` hold the listed fields only, in the order and with the values sent.

    ``withheld`` counts what was left out, as ``"tone.some_field"`` or ``"transcript"``, sorted by name.
    ``speakers`` are the distinct ``speaker_id`` values among ``events``, sorted.

    ``live`` are the live-only events, withheld from storage and passed on: pairs of how many of ``events`` come before
    it, and the event with its listed fields. What is stored makes a batch, so these don't count when two are compared.
    """

    events: list[dict[str, Any]]
    withheld: dict[str, int]
    speakers: list[str]
    live: list[tuple[int, dict[str, Any]]] = field(default_factory=list, compare=False, repr=False)

    @property
    def is_activity(self) -> bool:
        """Whether somebody was heard. What an annotator tells of its own state (``service``) keeps no session alive."""
        return bool(self.events) or "transcript" in self.withheld


_LABELLED = Kind(required={"label": text(1, 200)}, optional={"confidence": number(0, 1)})

KINDS: Mapping[str, Kind] = {
    "tone": Kind(
        required={"label": text(1, 200)},
        optional={
            "confidence": number(0, 1),
            "speaker_id": text(1, MAX_SPEAKER_ID),
            "shift_magnitude": number(0, 10),
            "shift_direction": text(0, 64),
            "subtext": text(0, 500),
            "affect": text(0, 64),
            "affect_divergence": number(-10, 10),
            "prosody_flags": texts(16, 64),
            "valence": number(-1, 1),
            "valence_delta": number(-2, 2),
            "arousal": number(-1, 1),
            "arousal_delta": number(-2, 2),
            "dominance": number(-1, 1),
            "sarcasm_risk": number(0, 1),
            "flat_f0_score": number(0, 1),
            "coherence_score": number(-1, 1),
            "trend": text(0, 64),
            "reframe_type": text(0, 64),
            "suppression_flag": boolean,
        },
    ),
    "speaker": _LABELLED,
    "queue": _LABELLED,
    "environ": _LABELLED,
    "scene": Kind(
        required={"label": text(1, 200)},
        optional={"confidence": number(0, 1), "privacy_risk": choice("low", "moderate", "high")},
    ),
    "accent": Kind(
        required={"region": text(0, 64)},
        optional={"language": text(0, 64), "confidence": number(0, 1)},
    ),
    "marker": Kind(required={"label": text(1, 64)}),
}

#: What of a live-only event is passed on. Nobody stores these, so a field that is not as it should be is left out, like
#: one that is not listed; an event without what it needs is not passed on. Neither is an error.
LIVE_KINDS: Mapping[str, Kind] = {
    "transcript": Kind(required={"text": text(1, 4000)}, optional={"speaker_id": text(1, MAX_SPEAKER_ID)}),
    "service": Kind(
        required={"status": choice("ready", "loading", "error", "warning")}, optional={"detail": text(0, 500)}
    ),
}


def timestamp_of(max_timestamp_s: float) -> Check:
    """Make the check for the ``timestamp`` that every event has."""
    return number(0, max_timestamp_s, "seconds")


def read_events(value: object, *, max_timestamp_s: float) -> EventBatch:
    """Read the ``events`` of a parsed body: one batch, accepted or refused as a whole.

    ``max_timestamp_s`` is the latest media time, in seconds, that an event may have.

    Raises:
        InvalidEvent: names the index (None for the batch itself) and the field. Codes: required, type, range,
            length, choice, unknown_type, nul, surrogate, not_finite.
        AudioRefused: a field carries audio, stored or not.
    """
    if value is None:
        raise _invalid_batch("required", "is required")
    if not isinstance(value, list):
        raise _invalid_batch("type", "must be a list of events")
    if not 1 <= len(value) <= MAX_EVENTS:
        raise _invalid_batch("length", f"must hold from 1 to {MAX_EVENTS} events")
    rules = _rules(max_timestamp_s)
    events: list[dict[str, Any]] = []
    live: list[tuple[int, dict[str, Any]]] = []
    withheld = _Withheld()
    for index, event in enumerate(value):
        event_type = _event_type(event, index)
        if event_type in LIVE_ONLY:
            refuse_audio(event, f"events[{index}]")
            withheld.count_event(event_type)
            passed_on = _live_fields(event, event_type, rules[event_type].checks["timestamp"])
            if passed_on is not None:
                live.append((len(events), passed_on))
        elif _is_stored_whole(event, rules[event_type]):
            events.append(event)
        else:
            events.append(_stored_fields(event, event_type, rules[event_type], index, withheld))
    speakers = {event["speaker_id"] for event in events if event.get("speaker_id") is not None}
    return EventBatch(events, dict(sorted(withheld.counts.items())), sorted(speakers), live)


@dataclass(frozen=True, slots=True)
class _Rules:
    """The checks of one event type by field; null is checked too where the field is required.

    ``event_type`` is among them, and passes: it was looked at to find these rules.
    """

    required: frozenset[str]
    checks: Mapping[str, Check]


@lru_cache(maxsize=8)
def _rules(max_timestamp_s: float) -> dict[str, _Rules]:
    every = {"event_type": choice(*KINDS, *LIVE_KINDS), "timestamp": timestamp_of(max_timestamp_s)}
    return {
        name: _Rules(frozenset({*every, *kind.required}), {**every, **kind.required, **kind.optional})
        for name, kind in {**KINDS, **LIVE_KINDS}.items()
    }


@dataclass(slots=True)
class _Withheld:
    """Counts what is left out of one batch."""

    counts: dict[str, int] = field(default_factory=dict)
    names_left: int = MAX_WITHHELD_NAMES

    def count_event(self, event_type: str) -> None:
        self.counts[event_type] = self.counts.get(event_type, 0) + 1

    def count_field(self, event_type: str, name: str) -> None:
        key = f"{event_type}.{name}"
        if key not in self.counts:
            if self.names_left and is_plain_name(name):
                self.names_left -= 1
            else:
                key = f"{event_type}.*"
        self.counts[key] = self.counts.get(key, 0) + 1


def _event_type(event: object, index: int) -> str:
    """Return the type of an event, stored or live-only."""
    if not isinstance(event, dict):
        raise _invalid(event, index, "", Fault("type", "must be an object"))
    if "event_type" not in event:
        raise _invalid(event, index, "event_type", _REQUIRED)
    event_type = event["event_type"]
    if not isinstance(event_type, str):
        raise _invalid(event, index, "event_type", Fault("type", _KNOWN_TYPES))
    if event_type not in KINDS and event_type not in LIVE_ONLY:
        raise _invalid(event, index, "event_type", Fault("unknown_type", _KNOWN_TYPES))
    return event_type


def _is_stored_whole(event: dict[str, Any], rules: _Rules) -> bool:
    """Tell whether an event has listed fields only, all as they should be: as nearly every one has."""
    checks, required = rules.checks, rules.required
    for name, value in event.items():
        check = checks.get(name)
        if check is None:
            return False
        if value is None:
            if name in required:
                return False
        elif check(value) is not None:
            return False
    return required <= event.keys()


def _stored_fields(
    event: dict[str, Any], event_type: str, rules: _Rules, index: int, withheld: _Withheld
) -> dict[str, Any]:
    """Return the listed fields of one event, checked; check the others for audio and count them."""
    checks, required = rules.checks, rules.required
    for name in required:
        if name not in event:
            raise _invalid(event, index, name, _REQUIRED)
    stored: dict[str, Any] = {}
    for name, value in event.items():
        check = checks.get(name)
        if check is not None:
            if value is not None or name in required:
                fault = check(value)
                if fault is not None:
                    raise _invalid(event, index, name, fault)
            stored[name] = value
        else:
            refuse_audio({name: value}, f"events[{index}]")
            withheld.count_field(event_type, name)
    return stored


def _live_fields(event: dict[str, Any], event_type: str, timestamp: Check) -> dict[str, Any] | None:
    """Return the listed fields of a live-only event that are as they should be; None without one that it needs."""
    kind = LIVE_KINDS[event_type]
    checks = {**kind.required, **kind.optional, "timestamp": timestamp}
    passed_on = {name: value for name, value in event.items() if name in checks and checks[name](value) is None}
    if any(name not in passed_on for name in kind.required):
        return None
    return {"event_type": event_type, **passed_on}


_REQUIRED = Fault("required", "is required")
_KNOWN_TYPES = f"must be one of {', '.join([*KINDS, *sorted(LIVE_ONLY)])}"


def _invalid_batch(code: str, message: str) -> InvalidEvent:
    return InvalidEvent(None, FieldProblem("events", code, message))


def _invalid(event: object, index: int, name: str, fault: Fault) -> InvalidEvent:
    """Return the error for a fault in the field ``name``; an event that carries audio raises AudioRefused."""
    path = f"events[{index}]"
    refuse_audio(event, path)
    field_path = member_path(path, name) if name else path
    return InvalidEvent(index, FieldProblem(field_path, fault.code, fault.message))
