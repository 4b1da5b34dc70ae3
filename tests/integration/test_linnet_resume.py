"""Linnet's own front end: the list of saved sessions, and going on from one of them."""

import uuid
from typing import Any

import pytest
from django.utils import timezone

from sessions_app.models import Session
from sessions_app.services import timeline
from snapshots.content import encode_events
from snapshots.models import SessionKey, Snapshot
from tests.integration.conftest import Api, lapse, make_overdue, nothing_written, problem
from tests.integration.linnet import append, detail, earlier, pages, start
from tests.integration.test_linnet_history import exported, history, labels, queue, tone


def saved(api: Api, events: Any, **body: Any) -> str:
    """A session that was ended: the id of its snapshot."""
    session = start(api, **body)
    append(api, session, events)
    assert api.delete(f"/session/{session}/end").status_code == 200
    return str(Snapshot.objects.get(session_id=session).pk)


def resume(api: Api, snapshot: str, **body: Any) -> dict[str, Any]:
    answer = api.post("/session/resume", {"snapshot_id": snapshot, **body})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_list_is_a_bare_array_newest_first(paid: Api) -> None:
    first = saved(paid, [tone(1), queue(2)], elcor=True)
    second = saved(paid, [tone(1)])
    start(paid)
    answer = paid.get("/sessions/history?limit=20")
    assert answer.status_code == 200
    newest, oldest = answer.json()
    assert [newest["id"], oldest["id"]] == [second, first]
    snapshot = Snapshot.objects.get(pk=first)
    assert oldest == {
        "id": first,
        "session_id": str(snapshot.session_id),
        "created_at": snapshot.started_at.timestamp(),
        "ended_at": snapshot.ended_at.timestamp(),
        "elcor": True,
        "event_count": 2,
    }
    assert newest["elcor"] is False
    assert paid.get("/sessions/history?limit=1").json() == [newest]
    assert paid.get("/sessions/history").json() == [newest, oldest]


def test_list_has_what_ran_out_just_now(paid: Api) -> None:
    session = start(paid)
    make_overdue(session)
    assert [one["session_id"] for one in paid.get("/sessions/history").json()] == [session]


@pytest.mark.parametrize("query", ["?limit=0", "?limit=x", "?limit=-3"])
def test_list_refuses_what_it_cannot_read(query: str, paid: Api) -> None:
    problem(paid.get(f"/sessions/history{query}"), 422, "E-REQUEST-004", "limit")


def test_list_is_capped_and_not_refused_above_100(paid: Api) -> None:
    saved(paid, [tone(1)])
    assert len(paid.get("/sessions/history?limit=100000").json()) == 1


def test_list_and_resume_come_with_a_plan(paid: Api, free: Api) -> None:
    snapshot = saved(paid, [tone(1)])
    lapse(paid.user)
    for api in (paid, free):
        with nothing_written():
            problem(api.get("/sessions/history"), 402, "E-TIER-001")
            problem(api.post("/session/resume", {"snapshot_id": snapshot}), 402, "E-TIER-001")


def test_resume_goes_on_with_settings_and_history(paid: Api) -> None:
    snapshot = saved(paid, [tone(1), queue(2), tone(3)], elcor=True, window_ms=700)
    resumed = resume(paid, snapshot, target_lang="de", license_key="x", byok_deepl_key="y")
    session = resumed["session_id"]
    assert resumed == {
        "session_id": session,
        "state": "running",
        "elcor": True,
        "tier": "paid",
        "resumed_from": snapshot,
        "event_count": 3,
    }
    row = Session.objects.get(pk=session)
    assert row.settings == {"elcor": True, "window_ms": 700, "target_lang": "de"}
    assert (row.policy, row.leaseless) == ("pinned", True)
    assert detail(paid, session)["resumed_from"][0]["snapshot"] == snapshot
    assert resume(paid, snapshot, elcor=False)["elcor"] is False


def test_resumed_session_shows_what_came_before_and_stores_it_once(paid: Api) -> None:
    first = saved(paid, [tone(1), tone(2)])
    second = resume(paid, first)["session_id"]
    append(paid, second, [tone(3)])
    assert labels(history(paid, second)) == ["tone 1", "tone 2", "tone 3"]
    assert labels(history(paid, second, "?limit=2")) == ["tone 2", "tone 3"]
    assert labels(exported(paid, second)) == ["tone 1", "tone 2", "tone 3"]

    paid.delete(f"/session/{second}/end")
    kept = Snapshot.objects.get(session_id=second)
    assert kept.event_count == 1
    assert labels(exported(paid, second)) == ["tone 1", "tone 2", "tone 3"]
    third = resume(paid, str(kept.pk))["session_id"]
    append(paid, third, [tone(4)])
    assert labels(history(paid, third)) == ["tone 1", "tone 2", "tone 3", "tone 4"]


def test_earlier_events_are_whole_and_in_order(paid: Api, django_assert_max_num_queries: Any) -> None:
    session = resume(paid, saved(paid, [tone(0)]))["session_id"]
    for number in range(1, 6):
        append(paid, session, [queue(number), tone(number)])
        paid.delete(f"/session/{session}/end")
        session = resume(paid, str(Snapshot.objects.get(session_id=session).pk))["session_id"]
    row = Session.objects.get(pk=session)
    with django_assert_max_num_queries(3 * 6 + 1):
        found = [event for page in earlier(paid, row.pk) for event in page]
    assert [event["timestamp"] for event in found] == [0, *(number for number in range(1, 6) for _ in range(2))]


def test_earlier_events_come_in_pages_of_so_many_bytes(paid: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    session = resume(paid, saved(paid, [tone(number) for number in range(5)]))["session_id"]
    append(paid, session, [tone(number) for number in range(5, 8)])
    paid.delete(f"/session/{session}/end")
    session = resume(paid, str(Snapshot.objects.get(session_id=session).pk))["session_id"]
    size = len(encode_events([tone(0)])[0])
    monkeypatch.setattr(timeline, "SNAPSHOT_PAGE_BYTES", 2 * size)
    found = [[event["timestamp"] for event in page] for page in earlier(paid, session)]
    assert found == [[0, 1], [2, 3], [4], [5, 6], [7]]
    first, place = timeline.earlier_events(
        None, owner_id=paid.user.pk, session_id=uuid.UUID(session), now=timezone.now()
    )
    assert len(list(first)) == 2
    # Deleted between two pages, it ends there.
    paid.delete(f"snapshots/{Snapshot.objects.order_by('started_at')[0].pk}/")
    rest = pages(
        lambda at: timeline.earlier_events(
            at or place, owner_id=paid.user.pk, session_id=uuid.UUID(session), now=timezone.now()
        )
    )
    assert [[event["timestamp"] for event in page] for page in rest] == [[], [5, 6], [7]]


def test_earlier_snapshot_that_was_deleted_is_gone_from_the_timeline(paid: Api) -> None:
    first = saved(paid, [tone(1)])
    session = resume(paid, first)["session_id"]
    append(paid, session, [tone(2)])
    assert paid.delete(f"snapshots/{first}/").status_code == 204
    assert labels(history(paid, session)) == labels(exported(paid, session)) == ["tone 2"]


def test_earlier_snapshot_that_does_not_open_now_is_said(paid: Api) -> None:
    first = saved(paid, [tone(1)])
    session = resume(paid, first)["session_id"]
    SessionKey.objects.filter(session_id=Snapshot.objects.get().session_id).delete()
    append(paid, session, [tone(2)])
    problem(paid.get(f"/session/{session}/history"), 503, "E-VAULT-001")
    problem(paid.get(f"/session/{session}/export"), 503, "E-VAULT-001")
    assert labels(history(paid, session, "?limit=1")) == ["tone 2"]


@pytest.mark.parametrize("snapshot", ["3be4ef2c-d0d7-40d1-ac53-0a454171accd", "x", "9" * 40, "' OR 1=1 --"])
def test_resume_of_what_is_not_there(snapshot: str, paid: Api, other: Api) -> None:
    theirs = saved(other, [tone(1)])
    with nothing_written():
        answers = [paid.post("/session/resume", {"snapshot_id": one}) for one in (snapshot, theirs)]
    assert answers[0].content == answers[1].content
    problem(answers[0], 404, "E-VAULT-002")


@pytest.mark.parametrize(
    "body", [None, {}, {"snapshot_id": None}, {"snapshot_id": ""}, {"snapshot_id": 5}, {"snapshot_id": ["x"]}]
)
def test_resume_without_a_snapshot(body: Any, paid: Api) -> None:
    with nothing_written():
        problem(paid.post("/session/resume", body), 422, "E-REQUEST-004", "snapshot_id")


def test_deleting_a_session_in_the_middle_takes_its_own_part_and_no_more(paid: Api) -> None:
    monday = saved(paid, [tone(1)])
    tuesday = start_on(paid, monday, [tone(2)])
    alone = saved(paid, [tone(3)])
    wednesday = paid.post(f"snapshots/{tuesday}/import/", {}).json()
    paid.post(f"snapshots/{alone}/import/", {"into": wednesday["id"]}, lease=wednesday["lease"]["token"])
    assert shown(paid, wednesday["id"]) == [1, 2, 3]

    deleted = Snapshot.objects.get(pk=tuesday).session_id
    assert paid.delete(f"sessions/{deleted}/").status_code == 204
    assert shown(paid, wednesday["id"]) == [1, 3]
    told = paid.get(f"sessions/{wednesday['id']}/").json()["resumed_from"]
    assert [link["snapshot"] for link in told] == [monday, tuesday, alone]


def start_on(api: Api, snapshot: str, events: Any) -> str:
    """A session that went on from a snapshot, and was ended: its own snapshot's id."""
    started = api.post(f"snapshots/{snapshot}/import/", {}).json()
    assert api.append(started["id"], started["lease"]["token"], events).status_code == 201
    return str(api.post(f"sessions/{started['id']}/end/", lease=started["lease"]["token"]).json()["snapshot"]["id"])


def shown(api: Api, session: str) -> list[float]:
    """The media times of the events that come before the session's own."""
    return [event["timestamp"] for page in earlier(api, session) for event in page]
