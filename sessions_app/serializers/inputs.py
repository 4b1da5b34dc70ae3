"""What may be sent. A field that is not listed is refused by name: a misspelt choice must not be lost quietly."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from rest_framework import serializers

from sessions_app.api.problems import plain_name
from sessions_app.events import MAX_SPEAKER_ID
from sessions_app.lease import CloseReason, Policy, State
from sessions_app.models.session import TOPIC_PATTERN
from sessions_app.models.user import NOTICE_LEAD_MAX_S, RECENT_LIMIT_MAX
from sessions_app.privacy import refuse_audio
from sessions_app.serializers.events import EventsField
from sessions_app.services.sessions import StartRequest
from sessions_app.services.speakers import MAX_SPEAKERS

HISTORY_PAGE_MAX = 1000
#: What Linnet's annotator works with: the longest window, and the most voices that it is told to tell apart.
WINDOW_MS_MAX = 60_000
NUM_SPEAKERS_MAX = 8
#: An idempotency key, wherever it comes.
KEY_LENGTH = 200
KEY_PATTERN = r"^[ -~]+$"
KEY_WANTED = f"must be 1 to {KEY_LENGTH} printable ASCII characters"


def is_key(value: object) -> bool:
    """Whether this may be an idempotency key."""
    return isinstance(value, str) and 1 <= len(value) <= KEY_LENGTH and value.isascii() and value.isprintable()


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields, and audio wherever it is."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            for name, value in data.items():
                refuse_audio({name: value}, "")
            unknown = sorted({plain_name(str(name)) for name in data if name not in self.fields})
            if unknown:
                known = ", ".join(sorted(self.fields)) or "none"
                message = f"is not a field of this call; it takes {known}"
                raise serializers.ValidationError(dict.fromkeys(unknown, message), code="unknown")
        return super().to_internal_value(data)


class DescribedStrictly(OpenApiSerializerExtension):
    """In the API's description, too, what is not listed is refused."""

    target_class = StrictSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        # The same shapes are answered, where a later version may add members.
        return {**schema, "additionalProperties": False} if direction == "request" else schema


class StrictBoolean(serializers.BooleanField):
    """true or false; not "yes", 1 or "on"."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class StrictInteger(serializers.IntegerField):
    """A JSON number without a fraction; not a string, not a boolean."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class StrictText(serializers.CharField):
    """A JSON string; numbers are not turned into text."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class StrictPattern(serializers.RegexField):
    """A JSON string of one pattern; numbers are not turned into text. ``wanted`` is what the pattern says, in words."""

    def __init__(self, pattern: str, *, wanted: str, **kwargs: Any) -> None:
        super().__init__(pattern, error_messages={"invalid": wanted}, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Choice(serializers.ChoiceField):
    """One of a few words. Its message names them, and does not repeat what was sent."""

    def __init__(self, choices: Any, **kwargs: Any) -> None:
        super().__init__(choices, **kwargs)
        self.error_messages["invalid_choice"] = f"must be one of {', '.join(choices)}"


class Moment(serializers.DateTimeField):
    """A time with its offset from UTC (RFC 3339). Which time one without it means would be a guess."""

    default_error_messages = {"offset": "must have an offset from UTC: end it in Z, or in one such as +02:00"}

    def enforce_timezone(self, value: Any) -> Any:
        if value.tzinfo is None:
            self.fail("offset")
        return super().enforce_timezone(value)


class Language(StrictPattern):
    """A language code. It is stored in the clear, so that it must not be prose."""

    def __init__(self, **kwargs: Any) -> None:
        wanted = "must be a language code of at most 35 letters, digits and hyphens, such as de or pt-BR"
        super().__init__(r"^[A-Za-z0-9-]{1,35}$", wanted=wanted, max_length=35, **kwargs)


class Topic(StrictPattern):
    """A routing name."""

    def __init__(self, **kwargs: Any) -> None:
        wanted = "must be a name of letters, digits and . _ : / - that begins with a letter or a digit, such as call-17"
        super().__init__(TOPIC_PATTERN, wanted=wanted, max_length=120, **kwargs)


class CallSettings(StrictSerializer):
    """Linnet's own settings of a call. They come back with the snapshot."""

    elcor = StrictBoolean(required=False)
    window_ms = StrictInteger(required=False, min_value=100, max_value=WINDOW_MS_MAX)
    num_speakers = StrictInteger(required=False, min_value=0, max_value=NUM_SPEAKERS_MAX)
    transcribe_lang = Language(required=False)
    target_lang = Language(required=False)


class StartInput(CallSettings):
    """The body of a start. Everything is optional."""

    policy = Choice([p.value for p in Policy], required=False)
    topic = Topic(
        required=False,
        allow_blank=True,
        help_text="A routing name, such as a call's id. It is not sealed: no place for prose.",
    )
    stt_active = StrictBoolean(required=False)

    def request(self) -> StartRequest:
        chosen = dict(self.validated_data)
        return StartRequest(
            policy=chosen.pop("policy", ""),
            topic=chosen.pop("topic", ""),
            stt_active=chosen.pop("stt_active", False),
            settings=chosen,
        )


class ImportInput(StartInput):
    """The body of an import: ``into`` a live session, or the choices of a new one."""

    into = serializers.CharField(required=False, max_length=64, help_text="A live session's id.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "into" in attrs and len(attrs) > 1:
            raise serializers.ValidationError(
                {"into": "must stand alone: the other fields are for a new session"}, code="conflict"
            )
        return attrs


class TouchInput(StrictSerializer):
    """The body of a touch."""

    occurred_at = Moment(
        required=False, help_text="When the interaction was. The deadline counts from then. Default: now."
    )


class AppendInput(StrictSerializer):
    """The body of an append: one batch of events."""

    events = EventsField()
    occurred_at = Moment(required=False, help_text="When the events were. The deadline counts from then. Default: now.")


class SpeakerLabel(StrictSerializer):
    """A name and a colour. null removes one of them."""

    name = StrictText(required=False, allow_null=True, max_length=80)
    colour = StrictPattern(
        r"^#[0-9A-Fa-f]{6}$",
        wanted="must be #rrggbb, such as #336699",
        required=False,
        allow_null=True,
        help_text="#rrggbb",
    )


class SpeakersInput(StrictSerializer):
    """The body of a change of labels: by speaker id. null removes a speaker's label."""

    speakers = serializers.DictField(
        child=SpeakerLabel(allow_null=True),
        help_text=f"1 to {MAX_SPEAKERS} speakers; an id has 1 to {MAX_SPEAKER_ID} characters.",
    )

    def validate_speakers(self, value: dict[str, Any]) -> dict[str, Any]:
        if not value or len(value) > MAX_SPEAKERS:
            raise serializers.ValidationError(f"must name 1 to {MAX_SPEAKERS} speakers", code="length")
        if any(not 1 <= len(speaker) <= MAX_SPEAKER_ID for speaker in value):
            message = f"each speaker's id must have 1 to {MAX_SPEAKER_ID} characters"
            raise serializers.ValidationError(message, code="length")
        return value


class RetentionInput(StrictSerializer):
    """The body of a change of retention: either, not both."""

    keep = StrictBoolean(required=False)
    expires_at = Moment(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError("send either keep or expires_at", code="conflict")
        return attrs


class PreferencesInput(StrictSerializer):
    """Preferences to change; the others stay."""

    default_policy = Choice(
        [p.value for p in Policy], required=False, allow_blank=True, help_text="Empty: what the plan gives."
    )
    retention_days = StrictInteger(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=3650,
        help_text="The most days a snapshot is kept. It can only shorten what the service gives. null: no wish.",
    )
    recent_limit = StrictInteger(required=False, min_value=1, max_value=RECENT_LIMIT_MAX)
    notice_lead_s = StrictInteger(
        required=False,
        min_value=0,
        max_value=NOTICE_LEAD_MAX_S,
        help_text="Seconds before a session's deadline at which an open stream gives notice. 0: none.",
    )


class SessionQuery(serializers.Serializer[Any]):
    """What a list of sessions can be narrowed by."""

    state = Choice([s.value for s in State], required=False)
    reason = Choice([r.value for r in CloseReason], required=False)
    topic = Topic(required=False)
    since = Moment(required=False, help_text="Started at or after.")
    until = Moment(required=False, help_text="Started before.")


class HistoryQuery(serializers.Serializer[Any]):
    """Which events of a live session."""

    after = serializers.IntegerField(required=False, default=0, min_value=0, max_value=2_147_483_647)
    limit = serializers.IntegerField(required=False, default=HISTORY_PAGE_MAX, min_value=1, max_value=HISTORY_PAGE_MAX)


class ContentQuery(serializers.Serializer[Any]):
    """The form of an export."""

    # "as" is a word of Python, hence the roundabout declaration.
    def get_fields(self) -> dict[str, Any]:
        return {"as": Choice(["json"], required=False, default="json")}


def read(serializer: serializers.BaseSerializer[Any]) -> dict[str, Any]:
    """What was sent, checked.

    Raises:
        ValidationError, InvalidFields, AudioRefused: naming field and code.
    """
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values


def read_append(body: dict[str, Any]) -> dict[str, Any]:
    """The body of an append, checked. Nearly every one holds events alone, and needs no serializer to see that.

    Raises:
        As :func:`read`.
    """
    if body.keys() == {"events"} and isinstance(body["events"], list):
        return body
    return read(AppendInput(data=body))
