"""Batches that try to break the journal: fields, counts, times, idempotency keys. A batch is taken whole or not."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sessions_app.events import KINDS, MAX_EVENTS
from sessions_app.models import JournalBatch, Session
from tests.integration.conftest import TONES, Api, make_overdue, nothing_written, problem

CANARY = "CANARY mauve gnat"
LONG = f"{CANARY}, " * 40
#: The texts that may have no characters at all.
MAY_BE_EMPTY = {"affect", "language", "region", "reframe_type", "shift_direction", "subtext", "trend"}
#: A valid value of each required field.
REQUIRED = {"label": "Calm", "region": "Wales", "timestamp": 1}


@pytest.fixture
def live(paid: Api) -> tuple[Api, str, str]:
    """A live session: its user's API, its id, its lease token."""
    return paid, *paid.start()


def append(live: tuple[Api, str, str], body: Any, **headers: str) -> Any:
    api, session, lease = live
    return api.post(f"sessions/{session}/events/", body, lease=lease, **headers)


def blamed(response: Any, status: int, code: str, field: str, faults: set[str]) -> dict[str, Any]:
    document = problem(response, status, code, field)
    assert document["errors"][0]["code"] in faults, document
    assert "CANARY" not in response.content.decode()
    return document


def refused(live: tuple[Api, str, str], event: Any, field: str, faults: set[str]) -> None:
    """The event is refused by index and field, and the good ones around it are not stored either."""
    with nothing_written():
        answer = append(live, {"events": [TONES[0], event, TONES[1]]})
    document = blamed(answer, 422, "E-EVENT-001", f"events[1]{field}", faults)
    assert document["index"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_bad_value_in_each_field_of_the_allow_list_is_refused(kind: str, live: tuple[Api, str, str]) -> None:
    required = {"timestamp", *KINDS[kind].required}
    good = {"event_type": kind, **{name: REQUIRED[name] for name in required}}
    assert append(live, {"events": [good]}).status_code == 201
    for name in [*required, *KINDS[kind].optional]:
        faults = {"type", "range", "length", "choice"}
        for value in [{}, {"a": CANARY}, [[]], 1e9, -1e9, LONG, [LONG], [CANARY] * 17, "", True]:
            allowed = isinstance(value, bool) if name == "suppression_flag" else value == "" and name in MAY_BE_EMPTY
            if not allowed:
                refused(live, {**good, name: value}, f".{name}", faults)
        if name in required:
            refused(live, {**good, name: None}, f".{name}", {"type"})
            refused(live, {key: good[key] for key in good if key != name}, f".{name}", {"required"})
        else:
            assert append(live, {"events": [{**good, name: None}]}).status_code == 201


def test_bad_event_type_is_refused(live: tuple[Api, str, str]) -> None:
    for value, faults in [(CANARY, {"unknown_type"}), ("", {"unknown_type"}), (5, {"type"}), (None, {"type"})]:
        refused(live, {"event_type": value, "label": "x", "timestamp": 1}, ".event_type", faults)
    refused(live, {"label": "x", "timestamp": 1}, ".event_type", {"required"})
    for event in [None, 5, CANARY, [], [TONES[0]], True]:
        refused(live, event, "", {"type"})


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e400", r'"a\u0000"', r'"\udfff"'])
@pytest.mark.parametrize("field", ["timestamp", "some_new_field"])
def test_value_that_no_database_keeps_names_its_event(value: str, field: str, live: tuple[Api, str, str]) -> None:
    event = f'{{"event_type": "tone", "label": "x", "{field}": {value}}}'
    with nothing_written():
        answer = append(live, f'{{"events": [{json.dumps(TONES[0])}, {event}]}}'.encode())
    document = blamed(answer, 422, "E-EVENT-001", f"events[1].{field}", {"not_finite", "nul", "surrogate"})
    assert document["index"] == 1


@pytest.mark.parametrize(
    ("events", "faults"),
    [([], {"length"}), ({}, {"type"}), (CANARY, {"type"}), (5, {"type"}), (True, {"type"})],
)
def test_batch_that_is_no_list_of_events_is_refused(events: Any, faults: set[str], live: tuple[Api, str, str]) -> None:
    with nothing_written():
        blamed(append(live, {"events": events}), 422, "E-EVENT-001", "events", faults)


def test_missing_events_are_refused(live: tuple[Api, str, str]) -> None:
    with nothing_written():
        blamed(append(live, {}), 422, "E-REQUEST-004", "events", {"required"})
        blamed(append(live, {"events": None}), 422, "E-REQUEST-004", "events", {"null"})


def test_most_events_of_a_batch(live: tuple[Api, str, str]) -> None:
    with nothing_written():
        blamed(append(live, {"events": [TONES[0]] * (MAX_EVENTS + 1)}), 422, "E-EVENT-001", "events", {"length"})
    answer = append(live, {"events": [TONES[0]] * MAX_EVENTS})
    assert answer.status_code == 201
    assert (answer.json()["first_seq"], answer.json()["last_seq"]) == (1, 500)


@pytest.mark.parametrize(
    ("event", "at"),
    [
        ({"audio": CANARY}, "audio"),
        ({"pcm": [1]}, "pcm"),
        ({"subtext": "T2dnUwACAAAAAAAAAAAAAAAAAAAA"}, "subtext"),
        ({"samples": {"0": 1}}, "samples"),
        ({"extra": {"deep": [{"waveform": "x"}]}}, "extra.deep[0].waveform"),
        ({"floats": [0.1] * 65}, "floats"),
    ],
)
def test_event_that_carries_audio_is_refused_whole(event: dict[str, Any], at: str, live: tuple[Api, str, str]) -> None:
    with nothing_written():
        answer = append(live, {"events": [TONES[0], {**TONES[1], **event}]})
        blamed(answer, 422, "E-PRIVACY-001", f"events[1].{at}", {"audio"})


def test_unlisted_fields_are_withheld_and_counted(live: tuple[Api, str, str]) -> None:
    api, session, _ = live
    odd = {**TONES[0], "mood": CANARY, "é": 1, "seq": 99, "session_id": "x", "__proto__": {}, "x" * 5000: 1}
    answer = append(live, {"events": [odd, {"event_type": "transcript", "text": CANARY}]})
    assert answer.status_code == 201
    assert answer.json()["withheld"] == {
        "tone.*": 3,
        "tone.mood": 1,
        "tone.seq": 1,
        "tone.session_id": 1,
        "transcript": 1,
    }
    assert api.get(f"sessions/{session}/events/").json()["events"] == [{"seq": 1, **TONES[0]}]


@pytest.mark.parametrize(
    ("occurred_at", "code", "fault"),
    [
        ("+1h", "E-SESSION-007", "in_future"),
        ("+6s", "E-SESSION-007", "in_future"),
        ("-1h", "E-SESSION-007", "before_start"),
        ("9999-12-31T23:59:59.999999Z", "E-SESSION-007", "in_future"),
        ("9999-12-31T23:59:59+23:59", "E-SESSION-007", "in_future"),
        ("9999-12-31T23:59:59-23:59", "E-REQUEST-004", "overflow"),
        ("0001-01-01T00:00:00Z", "E-SESSION-007", "before_start"),
        ("0001-01-01T00:00:00+23:59", "E-REQUEST-004", "overflow"),
        ("0000-01-01T00:00:00Z", "E-REQUEST-004", "invalid"),
        ("2026-11-20T10:00:00", "E-REQUEST-004", "offset"),
        ("2026-11-20", "E-REQUEST-004", "offset"),
        ("2026-11-20T10:00:00+24:00", "E-REQUEST-004", "invalid"),
        ("2026-02-30T10:00:00Z", "E-REQUEST-004", "invalid"),
        ("CANARY", "E-REQUEST-004", "invalid"),
        ("", "E-REQUEST-004", "invalid"),
        (1_800_000_000, "E-REQUEST-004", "invalid"),
        (-1.5, "E-REQUEST-004", "invalid"),
        (True, "E-REQUEST-004", "invalid"),
        ([], "E-REQUEST-004", "invalid"),
        ({"CANARY": 1}, "E-REQUEST-004", "invalid"),
        (None, "E-REQUEST-004", "null"),
    ],
)
def test_time_outside_the_session_is_refused(
    occurred_at: Any, code: str, fault: str, live: tuple[Api, str, str]
) -> None:
    api, session, lease = live
    shifts = {"+1h": timedelta(hours=1), "+6s": timedelta(seconds=6), "-1h": timedelta(hours=-1)}
    if occurred_at in list(shifts):
        occurred_at = (timezone.now() + shifts[occurred_at]).isoformat()
    with nothing_written():
        for answer in [
            append(live, {"events": TONES, "occurred_at": occurred_at}),
            api.post(f"sessions/{session}/touch/", {"occurred_at": occurred_at}, lease=lease),
        ]:
            blamed(answer, 422, code, "occurred_at", {fault})


def test_late_news_never_moves_the_deadline_back(live: tuple[Api, str, str]) -> None:
    api, session, lease = live
    started = Session.objects.get().started_at
    before = api.post(f"sessions/{session}/touch/", lease=lease).json()
    after = api.post(f"sessions/{session}/touch/", {"occurred_at": started.isoformat()}, lease=lease).json()
    assert after == before


def test_retry_gets_the_same_answer_byte_for_byte(live: tuple[Api, str, str]) -> None:
    body = {"events": [*TONES, {"event_type": "service", "status": "ready"}, {**TONES[0], "mood": 1}]}
    first = append(live, body, Idempotency_Key="k1")
    assert first.status_code == 201
    assert append(live, body).json()["first_seq"] == 5
    append(live, body, Idempotency_Key="k2")
    with nothing_written():
        again = append(live, body, Idempotency_Key="k1")
    assert (again.status_code, again.content) == (201, first.content)
    assert JournalBatch.objects.count() == 3


def test_retry_of_a_batch_of_which_nothing_was_stored(live: tuple[Api, str, str]) -> None:
    body = {"events": [{"event_type": "transcript", "text": "hello"}]}
    first = append(live, body, Idempotency_Key="k")
    assert first.json()["first_seq"] is None
    append(live, {"events": TONES})
    with nothing_written():
        assert append(live, body, Idempotency_Key="k").content == first.content


def test_reused_key_with_another_body_is_refused(live: tuple[Api, str, str]) -> None:
    body = json.dumps({"events": TONES}).encode()
    append(live, body, Idempotency_Key="k")
    for other in [{"events": TONES[:1]}, body + b" ", {"events": TONES, "occurred_at": timezone.now().isoformat()}]:
        with nothing_written():
            blamed(append(live, other, Idempotency_Key="k"), 422, "E-REQUEST-005", "Idempotency-Key", {"reused"})


def test_key_belongs_to_its_session(live: tuple[Api, str, str]) -> None:
    append(live, {"events": TONES}, Idempotency_Key="k")
    second = (live[0], *live[0].start())
    assert append(second, {"events": TONES[:1]}, Idempotency_Key="k").json()["last_seq"] == 1


def test_retry_with_an_old_lease_or_after_the_end_is_refused(live: tuple[Api, str, str]) -> None:
    api, session, _ = live
    append(live, {"events": TONES}, Idempotency_Key="k")
    lease = api.post(f"sessions/{session}/attach/").json()["lease"]["token"]
    problem(append(live, {"events": TONES}, Idempotency_Key="k"), 409, "E-SESSION-003")
    make_overdue(session)
    problem(append((api, session, lease), {"events": TONES}, Idempotency_Key="k"), 410, "E-SESSION-001")


@pytest.mark.parametrize("key", ["", "x" * 201, "tab\there", "schlüssel", "a\x00b", "a\x7f"])
def test_bad_key_is_refused(key: str, live: tuple[Api, str, str]) -> None:
    with nothing_written():
        answer = append(live, {"events": TONES}, Idempotency_Key=key)
        blamed(answer, 422, "E-REQUEST-004", "Idempotency-Key", {"format"})


@pytest.mark.parametrize("key", ["x", "x" * 200, "a b c", '"quoted"'])
def test_good_key_is_taken(key: str, live: tuple[Api, str, str]) -> None:
    assert append(live, {"events": TONES}, Idempotency_Key=key).status_code == 201
