"""The shapes of Linnet's own front end, which is not ours to break: what it sends too much of is passed over.

What an annotator left out is filled in with what the front end would show for nothing, because it counts on its fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import floor
from typing import Any

from rest_framework import serializers

from sessions_app.models import Session
from sessions_app.privacy import refuse_audio
from sessions_app.serializers.inputs import NUM_SPEAKERS_MAX, WINDOW_MS_MAX, StrictBoolean, StrictText
from sessions_app.services.importing import Imported
from sessions_app.services.linnet import Saved
from sessions_app.services.sessions import StartRequest

Event = Mapping[str, Any]

HISTORY_DEFAULT, HISTORY_MAX = 50, 10_000
SAVED_DEFAULT, SAVED_MAX = 20, 100
WINDOW_STEP_MS = 100
SECRET_LENGTH = 4096

# --- What is taken in ---------------------------------------------------------------------------------


class _Tolerant(serializers.Serializer[Any]):
    """Passes over fields it does not know, and takes null and "" for nothing said. Audio is refused wherever it is."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            for name, value in data.items():
                if name not in self.fields:
                    refuse_audio({name: value}, "")
            data = {name: value for name, value in data.items() if value is not None and value != ""}
        return super().to_internal_value(data)


class _WholeNumber(serializers.Field[Any, Any, Any, Any]):
    """A JSON number without a fraction, brought into what the annotator works with."""

    default_error_messages = {"invalid": "must be a whole number"}

    def __init__(self, *, least: int, most: int, step: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._least, self._most, self._step = least, most, step

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int | float) or data != floor(data):
            self.fail("invalid")
        return max(self._least, min(self._most, int(data) // self._step * self._step))


class _Language(serializers.RegexField):
    """A language code. It is stored in the clear, so that it must not be prose."""

    def __init__(self) -> None:
        wanted = "must be a language code, such as de or pt_BR"
        super().__init__(r"\A[A-Za-z0-9_-]{1,35}\Z", required=False, max_length=35, error_messages={"invalid": wanted})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class _Secret(StrictText):
    """Used for this call: never stored, never logged, never repeated."""

    def __init__(self) -> None:
        super().__init__(required=False, max_length=SECRET_LENGTH)


class StartInput(_Tolerant):
    """The body of a start. Everything is optional, the body too."""

    elcor = StrictBoolean(required=False)
    window_ms = _WholeNumber(required=False, least=WINDOW_STEP_MS, most=WINDOW_MS_MAX, step=WINDOW_STEP_MS)
    num_speakers = _WholeNumber(required=False, least=0, most=NUM_SPEAKERS_MAX)
    transcribe_lang = _Language()
    target_lang = _Language()
    license_key = _Secret()
    # For the translation, which is the annotator's: checked, and forgotten.
    byok_deepl_key = _Secret()

    def request(self) -> StartRequest:
        """What of it is the session's: no secret, and no id."""
        named = ("elcor", "window_ms", "num_speakers", "transcribe_lang", "target_lang")
        chosen = self.validated_data
        return StartRequest(settings={name: chosen[name] for name in named if name in chosen})


class ResumeInput(StartInput):
    """The body of a resume: which snapshot, and what shall be other than it was."""

    snapshot_id = StrictText(max_length=64)


class _Query(_Tolerant):
    """Parameters of an address. Of one that is given twice the last counts."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(dict(data.items()))


class HistoryQuery(_Query):
    """Which tone events. More than ``HISTORY_MAX`` are in the export."""

    min_confidence = serializers.FloatField(default=0, min_value=0, max_value=1)
    limit = serializers.IntegerField(default=HISTORY_DEFAULT, min_value=1)

    def validate_limit(self, value: int) -> int:
        return min(value, HISTORY_MAX)


class SavedQuery(_Query):
    """How many snapshots."""

    limit = serializers.IntegerField(default=SAVED_DEFAULT, min_value=1)

    def validate_limit(self, value: int) -> int:
        return min(value, SAVED_MAX)


# --- What is answered ---------------------------------------------------------------------------------

#: The fields of each event, with what stands for one that was not sent.
_LABELLED: dict[str, Any] = {"label": "", "confidence": 0.0, "timestamp": 0.0}
_TONE: dict[str, Any] = {
    "label": "",
    "confidence": 0.0,
    "speaker_id": "speaker_a",
    "shift_magnitude": 0.0,
    "timestamp": 0.0,
    "subtext": None,
    "affect": "neutral",
    "shift_direction": "stable",
    "prosody_flags": [],
}
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "tone": _TONE,
    "speaker": _LABELLED,
    "queue": _LABELLED,
    "environ": _LABELLED,
    "scene": {**_LABELLED, "privacy_risk": "low"},
    "accent": {"region": "", "language": "", "confidence": 0.0, "timestamp": 0.0},
    "transcript": {"text": "", "speaker_id": "speaker_a", "timestamp": 0.0},
    "service": {"status": "", "detail": ""},
}
#: What newer annotators send with a tone: shown as it was sent, and left out where it was not.
NEWER = (
    "valence",
    "arousal",
    "dominance",
    "sarcasm_risk",
    "flat_f0_score",
    "arousal_delta",
    "valence_delta",
    "trend",
    "coherence_score",
    "suppression_flag",
    "reframe_type",
    "affect_divergence",
)
#: The front end knows these two by the name of the event alone.
_WITHOUT_TYPE = {"scene", "accent"}
_IN_HISTORY = ("label", "confidence", "speaker_id", "shift_magnitude", "timestamp", "subtext", "affect")
_EXPORTED = {name: _TONE[name] for name in (*_IN_HISTORY, "shift_direction")}
# One for all lines: json.dumps would make one for each.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def shown(session_id: str, event: Event) -> tuple[str, dict[str, Any]] | None:
    """An event of a stream: its name and its data; None for what the front end has no listener for."""
    kind = event["event_type"]
    fields = FIELDS.get(kind)
    if fields is None:
        return None
    data = {} if kind in _WITHOUT_TYPE else {"event_type": kind}
    data |= {"session_id": session_id, **_filled(event, fields)}
    if kind == "tone":
        data |= {name: event[name] for name in NEWER if name in event}
    return f"{kind}-event", data


def _filled(event: Event, fields: Mapping[str, Any]) -> dict[str, Any]:
    values = ((name, event.get(name), default) for name, default in fields.items())
    return {name: default if value is None else value for name, value, default in values}


def is_tone(event: Event) -> bool:
    """Whether history and export show it."""
    return bool(event["event_type"] == "tone")


def session_json(session: Session) -> dict[str, Any]:
    """A live session. The front end knows it as running from its start to its end."""
    return {
        "session_id": str(session.pk),
        "state": "running",
        "elcor": _elcor(session.settings),
        "tier": session.tier,
    }


def stopped_json(session: Session) -> dict[str, Any]:
    """A session that was ended just now."""
    return {"session_id": str(session.pk), "state": "stopped"}


def resumed_json(imported: Imported) -> dict[str, Any]:
    """A session that goes on from a snapshot."""
    link = imported.link
    return {
        **session_json(imported.lease.session),
        "resumed_from": str(link.snapshot_id),
        "event_count": link.events,
    }


def history_json(session: Session, events: list[Event]) -> dict[str, Any]:
    """The most recent tone events."""
    fields = {name: _TONE[name] for name in _IN_HISTORY}
    shown_events = [_filled(event, fields) for event in events]
    return {"session_id": str(session.pk), "count": len(shown_events), "events": shown_events}


def export_line(event: Event) -> bytes | None:
    """An event as the export has it; None for what it does not have."""
    return _ENCODER.encode(_filled(event, _EXPORTED)).encode() if is_tone(event) else None


def export_json(session: Session, lines: list[bytes]) -> bytes:
    """All tone events, as a file."""
    head = json.dumps({"session_id": str(session.pk), "elcor": _elcor(session.settings)}).encode()
    return head[:-1] + b', "events": [' + b", ".join(lines) + b"]}"


def saved_json(saved: Saved) -> dict[str, Any]:
    """A line of the list of saved sessions. Times are seconds since 1970; ``id`` is what a resume takes."""
    snapshot = saved.snapshot
    return {
        "id": str(snapshot.pk),
        "session_id": str(snapshot.session_id),
        "created_at": snapshot.started_at.timestamp(),
        "ended_at": snapshot.ended_at.timestamp(),
        "elcor": _elcor(saved.settings),
        "event_count": snapshot.event_count,
    }


def _elcor(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get("elcor", False))
