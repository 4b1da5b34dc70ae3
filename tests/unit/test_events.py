"""The allow-list: every field of every event type, what is stored, what is withheld, what is refused."""

from __future__ import annotations

import base64
import json
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.errors import AudioRefused, InvalidEvent, LinnetError
from sessions_app.events import KINDS, LIVE_ONLY, MAX_EVENTS, MAX_WITHHELD_NAMES, EventBatch, read_events

CANARY = "Rosalind"
LATEST_S = 28_800.0

# The contract, written out a second time on purpose: a slip in the table must not go unseen.
# A number is (low, high), a string is a range of lengths, and so on.
NUMBERS: dict[str, tuple[float, float]] = {
    "timestamp": (0, LATEST_S),
    "confidence": (0, 1),
    "shift_magnitude": (0, 10),
    "valence": (-1, 1),
    "arousal": (-1, 1),
    "dominance": (-1, 1),
    "sarcasm_risk": (0, 1),
    "flat_f0_score": (0, 1),
    "arousal_delta": (-2, 2),
    "valence_delta": (-2, 2),
    "coherence_score": (-1, 1),
    "affect_divergence": (-10, 10),
}
LENGTHS: dict[str, tuple[int, int]] = {
    "label": (1, 200),
    "speaker_id": (1, 64),
    "subtext": (0, 500),
    "affect": (0, 64),
    "shift_direction": (0, 64),
    "trend": (0, 64),
    "reframe_type": (0, 64),
    "region": (0, 64),
    "language": (0, 64),
}
TONE = [
    *("confidence", "speaker_id", "shift_magnitude", "subtext", "affect", "shift_direction", "prosody_flags"),
    *("valence", "arousal", "dominance", "sarcasm_risk", "flat_f0_score", "arousal_delta", "valence_delta"),
    *("trend", "coherence_score", "suppression_flag", "reframe_type", "affect_divergence"),
]
OPTIONAL: dict[str, list[str]] = {
    "tone": TONE,
    "speaker": ["confidence"],
    "queue": ["confidence"],
    "environ": ["confidence"],
    "scene": ["confidence", "privacy_risk"],
    "accent": ["language", "confidence"],
    "marker": [],
}
REQUIRED = {event_type: ["timestamp", "region" if event_type == "accent" else "label"] for event_type in OPTIONAL}
FIELDS = [(event_type, name) for event_type in OPTIONAL for name in REQUIRED[event_type] + OPTIONAL[event_type]]
NUMBER_FIELDS = [(event_type, name) for event_type, name in FIELDS if name in NUMBERS]
TEXT_FIELDS = [(event_type, name) for event_type, name in FIELDS if name in LENGTHS]


def lengths_of(event_type: str, name: str) -> tuple[int, int]:
    return (1, 64) if (event_type, name) == ("marker", "label") else LENGTHS[name]


def event_of(event_type: str, **fields: Any) -> dict[str, Any]:
    """Return a valid event with its required fields only, and ``fields``."""
    said = {"region": "Highlands"} if event_type == "accent" else {"label": "warm"}
    return {"event_type": event_type, "timestamp": 1.5, **said, **fields}


def read(*events: object) -> EventBatch:
    return read_events(list(events), max_timestamp_s=LATEST_S)


def refusal(value: object, index: int | None, field: str, code: str) -> str:
    """Check that ``value`` is refused for exactly this reason; return the message."""
    with pytest.raises(InvalidEvent) as caught:
        read_events(value, max_timestamp_s=LATEST_S)
    error = caught.value
    assert error.extra["index"] == index
    assert [(problem.field, problem.code) for problem in error.problems] == [(field, code)]
    assert CANARY not in f"{error} {error.extra}"
    return error.problems[0].message


def field_refusal(event_type: str, name: str, value: object, code: str) -> str:
    """Check that an otherwise valid event is refused for this value, wherever it is in the batch."""
    bad = event_of(event_type, **{name: value})
    message = refusal([bad], 0, f"events[0].{name}", code)
    assert refusal([event_of("marker"), event_of("queue"), bad], 2, f"events[2].{name}", code) == message
    return message


def test_kinds_list_exactly_the_fields_of_the_contract() -> None:
    listed = {event_type: (set(kind.required), set(kind.optional)) for event_type, kind in KINDS.items()}
    assert listed == {
        event_type: (set(REQUIRED[event_type]) - {"timestamp"}, set(OPTIONAL[event_type])) for event_type in OPTIONAL
    }
    assert {"transcript", "service"} == LIVE_ONLY


def test_read_events_stores_every_listed_field_as_sent() -> None:
    tone = {
        "subtext": None,
        "event_type": "tone",
        "label": "warm, é 😀",
        "confidence": 1,
        "speaker_id": "Speaker A",
        "shift_magnitude": 0.1,
        "timestamp": 0,
        "affect": "",
        "shift_direction": None,
        "prosody_flags": ["fast", ""],
        "valence": -1,
        "arousal": 1.0,
        "dominance": -0.0,
        "sarcasm_risk": None,
        "flat_f0_score": 0.5,
        "arousal_delta": -2,
        "valence_delta": 2,
        "trend": "rising",
        "coherence_score": 1e-300,
        "suppression_flag": False,
        "reframe_type": "softened",
        "affect_divergence": -10,
    }
    scene = {
        "event_type": "scene",
        "label": "café",
        "confidence": 0,
        "timestamp": LATEST_S,
        "privacy_risk": "low",
    }
    accent = {"event_type": "accent", "region": "", "language": "gd", "confidence": None, "timestamp": 3}
    batch = read(tone, scene, accent, *(event_of(event_type) for event_type in OPTIONAL))
    assert batch.withheld == {}
    assert json.dumps(batch.events[:3]) == json.dumps([tone, scene, accent])
    assert batch.events[3:] == [event_of(event_type) for event_type in OPTIONAL]


def test_read_events_does_not_change_what_it_was_given() -> None:
    event = event_of("tone", unlisted=1)
    batch = read(event)
    assert event == event_of("tone", unlisted=1)
    assert batch.events[0] is not event


def test_read_events_lists_distinct_speakers_in_order() -> None:
    speakers = ["speaker_b", "Multiple", None, "speaker_a", "speaker_b"]
    others = [
        event_of("queue", speaker_id="withheld"),
        event_of("transcript", speaker_id="live"),
        event_of("tone"),
    ]
    batch = read(*(event_of("tone", speaker_id=speaker) for speaker in speakers), *others)
    assert batch.speakers == ["Multiple", "speaker_a", "speaker_b"]


def test_event_batch_is_frozen() -> None:
    with pytest.raises(AttributeError):
        read(event_of("tone")).events = []  # type: ignore[misc]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "required"),
        ({}, "type"),
        (CANARY, "type"),
        (7, "type"),
        (True, "type"),
        ([], "length"),
        ([event_of("tone")] * (MAX_EVENTS + 1), "length"),
    ],
)
def test_read_events_refuses_a_batch_that_is_not_a_list_of_events(value: object, code: str) -> None:
    refusal(value, None, "events", code)


def test_read_events_takes_a_full_batch() -> None:
    assert MAX_EVENTS == 500
    assert len(read(*[event_of("tone")] * MAX_EVENTS).events) == MAX_EVENTS


@pytest.mark.parametrize("event", [None, 1, True, CANARY, [], [event_of("tone")]])
def test_read_events_refuses_an_event_that_is_not_an_object(event: object) -> None:
    refusal([event_of("tone"), event], 1, "events[1]", "type")


@pytest.mark.parametrize(
    ("event_type", "code"),
    [
        (CANARY, "unknown_type"),
        ("Tone", "unknown_type"),
        ("tone-event", "unknown_type"),
        ("", "unknown_type"),
        (None, "type"),
        (1, "type"),
        (True, "type"),
        (["tone"], "type"),
        ({}, "type"),
    ],
)
def test_read_events_refuses_an_unknown_event_type(event_type: object, code: str) -> None:
    message = refusal([{**event_of("tone"), "event_type": event_type}], 0, "events[0].event_type", code)
    assert all(known in message for known in OPTIONAL)


def test_read_events_wants_an_event_type() -> None:
    refusal([{"label": "warm", "timestamp": 1}], 0, "events[0].event_type", "required")


@pytest.mark.parametrize(("event_type", "name"), [(t, name) for t in OPTIONAL for name in REQUIRED[t]])
def test_read_events_wants_every_required_field(event_type: str, name: str) -> None:
    event = event_of(event_type)
    del event[name]
    refusal([event], 0, f"events[0].{name}", "required")
    field_refusal(event_type, name, None, "type")


@pytest.mark.parametrize(("event_type", "name"), [(t, name) for t in OPTIONAL for name in OPTIONAL[t]])
def test_read_events_takes_null_in_every_optional_field(event_type: str, name: str) -> None:
    event = event_of(event_type, **{name: None})
    assert read(event) == EventBatch([event], {}, [])


@pytest.mark.parametrize(("event_type", "name"), NUMBER_FIELDS)
def test_read_events_checks_every_number(event_type: str, name: str) -> None:
    low, high = NUMBERS[name]
    for value in (low, high, int(low), int(high), (low + high) / 2):
        assert read(event_of(event_type, **{name: value})).events[0][name] is value
    for value in (low - 0.001, high + 0.001, low - 1, high + 1, 10**300, -(10**300), 1e308):
        message = field_refusal(event_type, name, value, "range")
        assert f"from {low:.15g} to {high:.15g}" in message
    for value in (nan, inf, -inf):
        field_refusal(event_type, name, value, "not_finite")
    for wrong in (True, False, CANARY, "0.5", "", [], [0.5], {}, {"value": 0.5}):
        field_refusal(event_type, name, wrong, "type")


def test_read_events_says_that_a_timestamp_is_in_seconds() -> None:
    assert field_refusal("tone", "timestamp", -1, "range") == "must be a number of seconds from 0 to 28800"


@pytest.mark.parametrize(("event_type", "name"), TEXT_FIELDS)
def test_read_events_checks_every_text(event_type: str, name: str) -> None:
    shortest, longest = lengths_of(event_type, name)
    for value in ("w" * shortest, "w" * longest, "é😀"[: max(1, shortest)] * longest):
        assert read(event_of(event_type, **{name: value})).events[0][name] == value
    for value in (CANARY * 100, "w" * (longest + 1), *([""] if shortest else [])):
        message = field_refusal(event_type, name, value, "length")
        assert str(longest) in message
    for wrong in (True, 7, 0.5, [], [CANARY], {}, {"text": CANARY}):
        field_refusal(event_type, name, wrong, "type")
    for value in ("\0", f"{CANARY}\0", "é\0"):
        field_refusal(event_type, name, value, "nul")
    for value in ("\ud800", f"{CANARY}\udfff"):
        field_refusal(event_type, name, value, "surrogate")


@pytest.mark.parametrize("value", [[], [""], ["fast"], ["é" * 64] * 16])
def test_read_events_takes_prosody_flags(value: list[str]) -> None:
    assert read(event_of("tone", prosody_flags=value)).events[0]["prosody_flags"] == value


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (CANARY, "type"),
        (True, "type"),
        (1, "type"),
        ({"0": CANARY}, "type"),
        ([None], "type"),
        (["fast", 1], "type"),
        ([[CANARY]], "type"),
        (["fast"] * 17, "length"),
        (["w" * 65], "length"),
        (["fast", f"{CANARY}\0"], "nul"),
        (["\udfff"], "surrogate"),
    ],
)
def test_read_events_checks_prosody_flags(value: object, code: str) -> None:
    message = field_refusal("tone", "prosody_flags", value, code)
    if code in {"type", "length"}:
        assert message == "must be a list of at most 16 strings of at most 64 characters"


@pytest.mark.parametrize("value", ["low", "moderate", "high"])
def test_read_events_takes_every_privacy_risk(value: str) -> None:
    assert read(event_of("scene", privacy_risk=value)).events[0]["privacy_risk"] == value


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (CANARY, "choice"),
        ("Low", "choice"),
        ("", "choice"),
        (1, "type"),
        (True, "type"),
        ([], "type"),
        ({}, "type"),
    ],
)
def test_read_events_checks_privacy_risk(value: object, code: str) -> None:
    assert field_refusal("scene", "privacy_risk", value, code) == "must be one of low, moderate, high"


@pytest.mark.parametrize("value", [True, False])
def test_read_events_takes_a_suppression_flag(*, value: bool) -> None:
    assert read(event_of("tone", suppression_flag=value)).events[0]["suppression_flag"] is value


@pytest.mark.parametrize("value", [0, 1, 0.0, "true", "", [], {}])
def test_read_events_checks_the_suppression_flag(value: object) -> None:
    assert field_refusal("tone", "suppression_flag", value, "type") == "must be true or false"


@pytest.mark.parametrize("event_type", OPTIONAL)
def test_read_events_withholds_what_is_not_on_the_list(event_type: str) -> None:
    every_name = {name for _, name in FIELDS}
    others = every_name - set(REQUIRED[event_type]) - set(OPTIONAL[event_type])
    unlisted = dict.fromkeys([*others, "session_id", "text", "newer_field"], CANARY)
    events = [event_of(event_type), event_of(event_type, **unlisted), event_of(event_type, newer_field=None)]
    batch = read(*events)
    assert batch.events == [event_of(event_type)] * 3
    expected = dict.fromkeys((f"{event_type}.{name}" for name in unlisted), 1)
    assert batch.withheld == {**expected, f"{event_type}.newer_field": 2}
    assert list(batch.withheld) == sorted(batch.withheld)


@pytest.mark.parametrize("value", [None, True, 1, nan, CANARY, "\0", [1, 2], {"a": [CANARY]}])
def test_read_events_withholds_any_value_that_is_not_audio(value: object) -> None:
    assert read(event_of("tone", newer_field=value)) == EventBatch([event_of("tone")], {"tone.newer_field": 1}, [])


@pytest.mark.parametrize("name", ["", "Shout", CANARY, "a b", "1st", "_x", "a" * 41, "é", "*", "x\n", "x\0", "\ud800"])
def test_read_events_never_repeats_a_name_that_may_be_text(name: str) -> None:
    batch = read(event_of("tone", **{name: 1}), event_of("queue", **{name: 1}), event_of("tone", **{name: 1}))
    assert batch == EventBatch([event_of("tone"), event_of("queue"), event_of("tone")], {"queue.*": 1, "tone.*": 2}, [])


def test_read_events_lists_a_limited_number_of_names() -> None:
    names = [f"name_{number:02}" for number in range(MAX_WITHHELD_NAMES)]
    assert len(names) == 32
    full = event_of("tone", **dict.fromkeys(names, 1))
    one_more = event_of("tone", last_straw=1)
    elsewhere = event_of("scene", last_straw=1)
    batch = read(full, one_more, elsewhere, full, event_of("transcript"))
    listed = {f"tone.{name}": 2 for name in names}
    assert batch.withheld == {**listed, "tone.*": 1, "scene.*": 1, "transcript": 1}


def test_read_events_spends_no_listed_name_on_text_or_live_events() -> None:
    noise = [event_of("tone", **{f"Noise {number}": 1}) for number in range(100)]
    names = {f"name_{number:02}": 1 for number in range(MAX_WITHHELD_NAMES)}
    batch = read(*noise, event_of("service"), event_of("tone", **names))
    assert batch.withheld == {"service": 1, "tone.*": 100, **{f"tone.{name}": 1 for name in names}}


def test_read_events_withholds_live_only_events_whole() -> None:
    transcript = {"event_type": "transcript", "text": CANARY, "speaker_id": 7, "timestamp": "whenever"}
    service = {"event_type": "service", "status": "ready", "detail": CANARY}
    batch = read(transcript, event_of("tone"), service, transcript)
    assert batch == EventBatch([event_of("tone")], {"service": 1, "transcript": 2}, [])
    assert read(transcript) == EventBatch([], {"transcript": 1}, [])


WAV_BASE64 = base64.b64encode(b"RIFF\x24\x08\0\0WAVEfmt " + bytes(100)).decode()


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (event_of("tone", audio_b64=CANARY), "audio_b64"),
        (event_of("tone", audioData=CANARY), "*"),
        (event_of("tone", newer_field=WAV_BASE64), "newer_field"),
        (event_of("tone", newer_field={"samples": []}), "newer_field.samples"),
        (event_of("tone", newer_field=[0.5] * 65), "newer_field"),
        (event_of("tone", label=WAV_BASE64), "label"),
        (event_of("tone", label="A" * 5000), "label"),
        (event_of("tone", label={"pcm16": CANARY}), "label.pcm16"),
        (event_of("tone", subtext=f"data:audio/wav;base64,{CANARY}"), "subtext"),
        (event_of("tone", prosody_flags=["fast", "data:audio/wav,x"]), "prosody_flags[1]"),
        (event_of("tone", prosody_flags=[0.5] * 65), "prosody_flags"),
        (event_of("tone", confidence=[0.5] * 65), "confidence"),
        (event_of("transcript", text=WAV_BASE64), "text"),
        (event_of("transcript", wav=CANARY), "wav"),
        (event_of("service", detail={"pcm": [1]}), "detail.pcm"),
        (event_of("newest", pcm=CANARY), "pcm"),
        ({"event_type": 1, "pcm": CANARY}, "pcm"),
        ({"pcm": CANARY}, "pcm"),
    ],
)
def test_read_events_refuses_a_batch_that_carries_audio(event: dict[str, Any], field: str) -> None:
    with pytest.raises(AudioRefused) as caught:
        read(event_of("tone"), event)
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [(f"events[1].{field}", "audio")]
    assert CANARY not in f"{caught.value} {caught.value.extra}"


def test_read_events_refuses_audio_in_place_of_an_event() -> None:
    with pytest.raises(AudioRefused) as caught:
        read(event_of("tone"), [0.5] * 65)
    assert caught.value.problems[0].field == "events[1]"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
known_names = st.sampled_from([name for _, name in FIELDS])
nearly_events = st.builds(
    lambda event_type, known, unknown: {**unknown, **event_of(event_type), **known},
    st.sampled_from([*OPTIONAL, *LIVE_ONLY]),
    st.dictionaries(known_names, json_values | st.floats(0, 1), max_size=3),
    st.dictionaries(st.text(max_size=8), json_values, max_size=2),
)


@given(json_values | st.lists(nearly_events | json_values, max_size=4))
def test_read_events_of_any_json_raises_only_named_errors(value: object) -> None:
    try:
        batch = read_events(value, max_timestamp_s=LATEST_S)
    except LinnetError as error:
        assert isinstance(error, (InvalidEvent, AudioRefused))  # noqa: PT017
        json.dumps(error.extra, allow_nan=False).encode()
    else:
        json.dumps(batch.events, allow_nan=False, ensure_ascii=False).encode()
        for event in batch.events:
            event_type = event["event_type"]
            assert set(event) <= {"event_type", *REQUIRED[event_type], *OPTIONAL[event_type]}


def test_live_only_events_are_passed_on_with_their_place_and_their_listed_fields() -> None:
    said = {"event_type": "transcript", "text": "hello", "speaker_id": "Speaker A", "timestamp": 1.5}
    ready = {"event_type": "service", "status": "ready", "detail": ""}
    batch = read({**ready, "host": CANARY}, event_of("tone"), {**said, "mood": CANARY}, event_of("marker"), ready)
    assert batch.live == [(0, ready), (1, said), (2, ready)]
    assert batch.withheld == {"service": 2, "transcript": 1}


@pytest.mark.parametrize(
    ("event", "passed_on"),
    [
        ({"event_type": "transcript"}, False),
        ({"event_type": "transcript", "text": ""}, False),
        ({"event_type": "transcript", "text": 7}, False),
        ({"event_type": "transcript", "text": "so " * 1334}, False),
        ({"event_type": "transcript", "text": "a\0b"}, False),
        ({"event_type": "service", "status": "on fire"}, False),
        ({"event_type": "service", "detail": "ready"}, False),
        ({"event_type": "transcript", "text": "so " * 1333, "timestamp": -1, "speaker_id": 7}, True),
        ({"event_type": "service", "status": "ready", "detail": "so " * 167, "timestamp": float("nan")}, True),
    ],
)
def test_live_only_event_that_is_not_as_it_should_be_is_no_error(event: dict[str, Any], *, passed_on: bool) -> None:
    """Nobody stores it: what is faulty of it is left out, and it is counted as withheld like any other."""
    batch = read(event)
    name = "text" if event["event_type"] == "transcript" else "status"
    kept = {"event_type": event["event_type"], name: event.get(name)}
    assert batch.live == ([(0, kept)] if passed_on else [])
    assert batch.withheld == {event["event_type"]: 1}
