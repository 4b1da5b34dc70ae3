"""The shapes of a bulk append. Read by hand, batch by batch: a serializer refuses a body as a whole."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from sessions_app.errors import FieldProblem, InvalidFields, LinnetError
from sessions_app.events import read_events
from sessions_app.serializers.events import EventsField, max_timestamp_s
from sessions_app.serializers.inputs import (
    KEY_LENGTH,
    KEY_PATTERN,
    KEY_WANTED,
    Moment,
    StrictPattern,
    StrictSerializer,
    is_key,
)
from sessions_app.services.bulk import BulkBatch

MAX_SESSIONS = 200
MAX_BULK_EVENTS = 5000

_MEMBERS = {"session", "events", "idempotency_key", "occurred_at"}


class JournalBatchInput(StrictSerializer):
    """One session's batch."""

    session = serializers.CharField(max_length=64)
    events = EventsField()
    idempotency_key = StrictPattern(KEY_PATTERN, wanted=KEY_WANTED, required=False, max_length=KEY_LENGTH)
    occurred_at = Moment(required=False)


class JournalInput(StrictSerializer):
    """The body of a bulk append."""

    batches = serializers.ListField(child=JournalBatchInput(), min_length=1, max_length=MAX_SESSIONS)


class JournalResult(serializers.Serializer[Any]):
    """One batch's result: what was stored (status 201), or a problem document."""

    session = serializers.CharField()
    status = serializers.IntegerField()
    first_seq = serializers.IntegerField(required=False, allow_null=True)
    last_seq = serializers.IntegerField(required=False, allow_null=True)
    accepted = serializers.IntegerField(required=False)
    withheld = serializers.DictField(child=serializers.IntegerField(), required=False)
    expires_at = serializers.DateTimeField(required=False)
    type = serializers.CharField(required=False)
    title = serializers.CharField(required=False)
    code = serializers.CharField(required=False)
    detail = serializers.CharField(required=False)


class JournalOutput(serializers.Serializer[Any]):
    """A result for each batch, in order."""

    results = JournalResult(many=True)


def read_batches(body: dict[str, Any]) -> list[BulkBatch | LinnetError]:
    """Each batch as it was sent, or what is wrong with it.

    Raises:
        InvalidFields: the body as a whole is no bulk append, or too much for one.
    """
    if set(body) != {"batches"}:
        raise _refused("batches", "unknown", "must be the only member of the body")
    batches = body["batches"]
    if not isinstance(batches, list) or not 1 <= len(batches) <= MAX_SESSIONS:
        raise _refused("batches", "length", f"must be a list of 1 to {MAX_SESSIONS} batches")
    if sum(len(events) for batch in batches if isinstance(events := _member(batch, "events"), list)) > MAX_BULK_EVENTS:
        raise _refused("batches", "length", f"must not hold more than {MAX_BULK_EVENTS} events in all")
    longest = max_timestamp_s()
    return [_read(batch, f"batches[{index}]", longest) for index, batch in enumerate(batches)]


def _read(batch: Any, path: str, longest: float) -> BulkBatch | LinnetError:
    try:
        if not isinstance(batch, dict):
            raise _refused(path, "type", "must be an object")
        if not batch.keys() <= _MEMBERS:
            raise _refused(path, "unknown", f"takes {', '.join(sorted(_MEMBERS))}, and nothing else")
        return BulkBatch(
            session_id=_text(batch, "session", path) or "",
            batch=read_events(batch.get("events"), max_timestamp_s=longest),
            idempotency_key=_text(batch, "idempotency_key", path),
            occurred_at=_moment(batch, path),
        )
    except LinnetError as error:
        return error


def _text(batch: dict[str, Any], name: str, path: str) -> str | None:
    value = batch.get(name)
    if name not in batch and name != "session":
        return None
    if not is_key(value):
        raise _refused(f"{path}.{name}", "format", KEY_WANTED)
    return str(value)


def _moment(batch: dict[str, Any], path: str) -> Any:
    if "occurred_at" not in batch:
        return None
    try:
        return Moment().run_validation(batch["occurred_at"])
    except serializers.ValidationError as error:
        [detail] = error.detail
        raise _refused(f"{path}.occurred_at", detail.code, str(detail)) from None


def session_names(body: dict[str, Any]) -> list[str]:
    """Which session each result is about: as it was sent, if it can be an id at all."""
    names = (_member(batch, "session") for batch in body["batches"])
    return [name if isinstance(name, str) and len(name) <= 64 and name.isascii() else "" for name in names]


def _member(batch: Any, name: str) -> Any:
    return batch.get(name) if isinstance(batch, dict) else None


def _refused(field: str, code: str, message: str) -> InvalidFields:
    return InvalidFields([FieldProblem(field, code, message)])
