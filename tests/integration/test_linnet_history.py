"""Linnet's own front end: the history of a live session, and the export of any."""

import json
from typing import Any

import pytest

from sessions_app.models import JournalBatch, Session
from snapshots.models import SessionKey, Snapshot
from tests.integration.conftest import Api, nothing_written, problem
from tests.integration.linnet import append, start

IN_HISTORY = {"label", "confidence", "speaker_id", "shift_magnitude", "timestamp", "subtext", "affect"}
HOSTILE = ['<script>alert("x")</script>', "a\n\ndata: b", "\u2028\u2029", "“ß” 🐦\u202e", "' OR 1=1 --", "\\u0041\\"]


def tone(number: int, **more: Any) -> dict[str, Any]:
    return {"event_type": "tone", "label": f"tone {number}", "confidence": 0.5, "timestamp": number, **more}


def queue(number: int) -> dict[str, Any]:
    return {"event_type": "queue", "label": "hold_music", "timestamp": number}


def history(api: Api, session: str, query: str = "") -> dict[str, Any]:
    answer = api.get(f"/session/{session}/history{query}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    assert (found["session_id"], found["count"]) == (session, len(found["events"]))
    return found


def labels(found: dict[str, Any]) -> list[str]:
    return [event["label"] for event in found["events"]]


def exported(api: Api, session: str) -> dict[str, Any]:
    answer = api.get(f"/session/{session}/export")
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/json"
    assert answer["Content-Disposition"] == f'attachment; filename="linnet-session-{session}.json"'
    assert answer["Cache-Control"] == "no-store"
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_history_is_the_last_50_tone_events_oldest_first(paid: Api) -> None:
    session = start(paid)
    append(paid, session, [event for number in range(60) for event in (tone(number), queue(number))])
    assert labels(history(paid, session)) == [f"tone {number}" for number in range(10, 60)]
    assert labels(history(paid, session, "?limit=2")) == ["tone 58", "tone 59"]
    assert labels(history(paid, session, "?min_confidence=&limit=3")) == ["tone 57", "tone 58", "tone 59"]


def test_history_of_nothing_is_empty(paid: Api) -> None:
    assert history(paid, start(paid))["events"] == []


def test_event_has_all_fields_whatever_the_annotator_left_out(paid: Api) -> None:
    session = start(paid)
    whole = {"speaker_id": "Speaker A", "shift_magnitude": 0.4, "subtext": "tired", "affect": "warm"}
    append(paid, session, [{"event_type": "tone", "label": "Bare", "timestamp": 1}, tone(2, **whole, trend="rising")])
    bare, full = history(paid, session)["events"]
    assert bare == {
        "label": "Bare",
        "confidence": 0.0,
        "speaker_id": "speaker_a",
        "shift_magnitude": 0.0,
        "timestamp": 1,
        "subtext": None,
        "affect": "neutral",
    }
    assert full == {"label": "tone 2", "confidence": 0.5, "timestamp": 2, **whole}
    assert [event["shift_direction"] for event in exported(paid, session)["events"]] == ["stable", "stable"]


def test_history_leaves_out_what_is_less_sure(paid: Api) -> None:
    session = start(paid)
    sure = [0.2, 0.6, None, 0.61, 1]
    append(paid, session, [tone(number, confidence=value) for number, value in enumerate(sure)])
    assert labels(history(paid, session, "?min_confidence=0.6")) == ["tone 1", "tone 3", "tone 4"]
    assert len(history(paid, session, "?min_confidence=0")["events"]) == 5


def test_history_and_export_reach_back_beyond_200_events_and_many_batches(paid: Api) -> None:
    session = start(paid)
    for first in range(0, 240, 1):
        append(paid, session, [tone(first)])
    append(paid, session, [tone(number) for number in range(240, 2000)])
    expected = [f"tone {number}" for number in range(2000)]
    assert labels(history(paid, session, "?limit=1900")) == expected[100:]
    assert labels(history(paid, session, "?limit=99999")) == expected
    assert labels(exported(paid, session)) == expected


@pytest.mark.parametrize(
    "query", ["?limit=0", "?limit=-1", "?limit=x", "?limit=1.5", "?min_confidence=nan", "?min_confidence=2"]
)
def test_history_refuses_what_it_cannot_read(query: str, paid: Api) -> None:
    session = start(paid)
    assert isinstance(problem(paid.get(f"/session/{session}/history{query}"), 422, "E-REQUEST-004")["detail"], str)


def test_hostile_labels_pass_unharmed(paid: Api) -> None:
    session = start(paid)
    append(paid, session, [tone(number, label=label, subtext=label) for number, label in enumerate(HOSTILE)])
    assert labels(history(paid, session)) == HOSTILE
    assert [event["subtext"] for event in exported(paid, session)["events"]] == HOSTILE


def test_export_of_a_live_session_and_of_the_same_when_it_is_closed(paid: Api) -> None:
    session = start(paid, elcor=True)
    append(paid, session, [tone(1, shift_direction="escalating"), queue(2), tone(3)])
    live = exported(paid, session)
    assert (live["session_id"], live["elcor"]) == (session, True)
    assert [set(event) for event in live["events"]] == [IN_HISTORY | {"shift_direction"}] * 2
    assert live["events"][0]["shift_direction"] == "escalating"
    paid.delete(f"/session/{session}/end")
    assert exported(paid, session) == live
    problem(paid.get(f"/session/{session}/history"), 404, "E-SESSION-002")


def test_export_of_what_is_not_kept_is_not_found(paid: Api, free: Api) -> None:
    gone, erased = start(free), start(paid)
    for api, session in ((free, gone), (paid, erased)):
        append(api, session, [tone(1)])
        api.delete(f"/session/{session}/end")
    assert paid.delete(f"snapshots/{Snapshot.objects.get().pk}/").status_code == 204
    problem(free.get(f"/session/{gone}/export"), 404, "E-SESSION-002")
    problem(paid.get(f"/session/{erased}/export"), 404, "E-SESSION-002")


@pytest.mark.parametrize("part", ["history", "export"])
def test_what_does_not_open_is_said_and_never_left_out(part: str, paid: Api) -> None:
    session = start(paid)
    for number in range(3):
        append(paid, session, [tone(number)])
    JournalBatch.objects.filter(session=session, first_seq=2).delete()
    with nothing_written():
        problem(paid.get(f"/session/{session}/{part}"), 409, "E-VAULT-001")
        assert labels(history(paid, session, "?limit=1")) == ["tone 2"]
    JournalBatch.objects.filter(session=session, first_seq=1).delete()
    problem(paid.get(f"/session/{session}/{part}"), 409, "E-VAULT-001")
    SessionKey.objects.all().delete()
    problem(paid.get(f"/session/{session}/{part}"), 503, "E-VAULT-001")


@pytest.mark.parametrize(("part", "status"), [("history", 404), ("export", 200)])
def test_session_that_is_closed_while_it_is_read(
    part: str, status: int, paid: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = start(paid)
    append(paid, session, [tone(1), tone(2)])
    from sessions_app.services import timeline

    journal = timeline._journal_backwards

    def closed_first(row: Session) -> Any:
        monkeypatch.setattr(timeline, "_journal_backwards", journal)
        assert paid.delete(f"/session/{session}/end").status_code == 200
        return journal(row)

    monkeypatch.setattr(timeline, "_journal_backwards", closed_first)
    answer = paid.get(f"/session/{session}/{part}")
    assert answer.status_code == status
    if status == 200:
        assert labels(answer.json()) == ["tone 1", "tone 2"]
