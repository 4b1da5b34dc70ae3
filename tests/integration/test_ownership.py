"""Whose session it is, and who holds it: foreign ids, lost leases, and sessions that are over."""

import uuid
from typing import Any

import pytest

from sessions_app.models import JournalBatch, Session
from snapshots.models import SessionKey, Snapshot
from tests.integration.conftest import (
    CALLS_ON_SESSION,
    CALLS_ON_SNAPSHOT,
    LEASED,
    TONES,
    Api,
    make_overdue,
    nothing_written,
    problem,
)

MALFORMED = ["x", "0", "None", "..", "%00", "%0a", "%F0%9F%90%A6", "%ff", "' OR 1=1 --", "9" * 300, "a-b-c-d-e"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


def everything(response: Any) -> tuple[Any, ...]:
    """All that a caller can see of an answer, but for its time."""
    return response.status_code, response.content, sorted(response.headers.items())


@pytest.mark.parametrize("name", CALLS_ON_SESSION)
def test_foreign_session_answers_like_an_unknown_one(name: str, paid: Api, other: Api) -> None:
    closed = paid.closed()["session"]
    live, lease = paid.start()
    paid.append(live, lease)
    overdue, _ = paid.start()
    make_overdue(overdue)
    _, path, body = CALLS_ON_SESSION[name]
    ids = [uuid.uuid4(), live, closed, overdue, *MALFORMED]
    for method in METHODS:
        with nothing_written():
            answers = [everything(other.call(method, path.format(i), body, lease=lease)) for i in ids]
        assert answers == [answers[0]] * len(ids)
        assert answers[0][0] in {404, 405, 422}
    problem(other.call(CALLS_ON_SESSION[name][0], path.format(live), body), 404, "E-SESSION-002")


@pytest.mark.parametrize("name", CALLS_ON_SNAPSHOT)
def test_foreign_snapshot_answers_like_an_unknown_one(name: str, paid: Api, other: Api) -> None:
    kept = paid.closed()["snapshot"]["id"]
    mine = other.closed()
    other.delete(f"snapshots/{mine['snapshot']['id']}/")
    _, path, body = CALLS_ON_SNAPSHOT[name]
    ids = [uuid.uuid4(), kept, mine["snapshot"]["id"], mine["session"], *MALFORMED]
    for method in METHODS:
        with nothing_written():
            answers = [everything(other.call(method, path.format(i), body)) for i in ids]
        assert answers == [answers[0]] * len(ids)
        assert answers[0][0] in {404, 405, 422}
    problem(other.call(CALLS_ON_SNAPSHOT[name][0], path.format(kept), body), 404, "E-VAULT-002")


def test_import_into_a_foreign_session_answers_like_an_unknown_one(paid: Api, other: Api) -> None:
    live, lease = paid.start()
    snapshot = other.closed()["snapshot"]["id"]
    with nothing_written():
        answers = [
            everything(other.post(f"snapshots/{snapshot}/import/", {"into": into}, lease=lease))
            for into in [str(uuid.uuid4()), live, "x"]
        ]
    assert answers == [answers[0]] * 3
    problem(other.post(f"snapshots/{snapshot}/import/", {"into": live}, lease=lease), 404, "E-SESSION-002", "into")


def test_another_users_rows_are_in_no_list(paid: Api, other: Api) -> None:
    paid.closed()
    paid.start()
    assert other.get("sessions/").json()["results"] == []
    assert other.get("snapshots/").json()["results"] == []
    panel = other.get("settings/panel/").json()
    assert (panel["live"], panel["recent"], panel["storage_bytes"]) == ([], [], 0)


@pytest.mark.parametrize("name", LEASED)
@pytest.mark.parametrize("token", ["", "x", "lns_" + "A" * 43, "ünïcode", "another session's", "an old one"])
def test_write_without_the_current_token_is_refused(name: str, token: str, paid: Api) -> None:
    session, lease = paid.start()
    if token == "another session's":
        token = paid.start()[1]
    elif token == "an old one":
        token = lease
        assert paid.post(f"sessions/{session}/attach/").json()["lease"]["epoch"] == 2
    method, path, body = CALLS_ON_SESSION[name]
    with nothing_written():
        problem(paid.call(method, path.format(session), body, lease=token), 409, "E-SESSION-003")


def test_import_into_a_live_session_needs_its_current_token(paid: Api) -> None:
    snapshot = paid.closed()["snapshot"]["id"]
    session, old = paid.start()
    paid.post(f"sessions/{session}/attach/")
    for token in ["", old]:
        with nothing_written():
            problem(paid.post(f"snapshots/{snapshot}/import/", {"into": session}, lease=token), 409, "E-SESSION-003")


def test_attach_gives_the_next_epoch_and_the_old_token_is_dead(paid: Api) -> None:
    session, old = paid.start()
    lease = paid.post(f"sessions/{session}/attach/").json()["lease"]
    assert lease["epoch"] == 2
    assert lease["token"] != old
    problem(paid.append(session, old), 409, "E-SESSION-003")
    assert paid.append(session, lease["token"]).status_code == 201


@pytest.mark.parametrize("name", ["append", "touch", "attach", "speakers", "end"])
@pytest.mark.parametrize("field", ["token", "lease", "X-Session-Token", "epoch", "owner", "session"])
def test_token_in_a_body_is_refused(name: str, field: str, paid: Api) -> None:
    session, lease = paid.start()
    method, path, body = CALLS_ON_SESSION[name]
    with nothing_written():
        answer = paid.call(method, path.format(session), {**(body or {}), field: lease}, lease=lease)
        document = problem(answer, 422, "E-REQUEST-004", field)
    assert document["errors"][0]["code"] == "unknown"
    assert lease not in answer.content.decode()


@pytest.mark.parametrize("name", ["append", "touch", "attach", "speakers", "history"])
def test_call_on_a_session_past_its_deadline_closes_it_and_names_the_snapshot(name: str, paid: Api) -> None:
    session, lease = paid.start()
    paid.append(session, lease)
    make_overdue(session)
    method, path, body = CALLS_ON_SESSION[name]
    late = problem(paid.call(method, path.format(session), body, lease=lease), 410, "E-SESSION-001")
    assert late["close_reason"] == "idle"
    assert late["snapshot"]["id"] == str(Snapshot.objects.get(session_id=session).pk)
    assert not JournalBatch.objects.exists()
    with nothing_written():
        again = problem(paid.call(method, path.format(session), body, lease=lease), 410, "E-SESSION-001")
    assert again == late
    assert paid.get(f"snapshots/{late['snapshot']['id']}/content/").json()["events"][0]["label"] == "Calm"


def test_import_into_a_session_that_is_over_is_refused(paid: Api) -> None:
    snapshot = paid.closed()["snapshot"]["id"]
    overdue, lease = paid.start()
    make_overdue(overdue)
    for _ in range(2):
        late = problem(paid.post(f"snapshots/{snapshot}/import/", {"into": overdue}, lease=lease), 410, "E-SESSION-001")
        assert late["close_reason"] == "idle"


def test_end_of_a_session_past_its_deadline_gives_the_receipt_of_that(paid: Api) -> None:
    session, _ = paid.start()
    make_overdue(session)
    receipt = paid.post(f"sessions/{session}/end/")
    assert receipt.status_code == 200
    assert receipt.json()["close_reason"] == "idle"
    assert paid.get(f"sessions/{session}/receipt/").json() == receipt.json()


@pytest.mark.parametrize("name", ["append", "touch", "attach", "speakers", "history"])
def test_call_on_an_ended_session_is_refused(name: str, paid: Api) -> None:
    session, lease = paid.start()
    paid.append(session, lease)
    receipt = paid.post(f"sessions/{session}/end/", lease=lease).json()
    method, path, body = CALLS_ON_SESSION[name]
    with nothing_written():
        late = problem(paid.call(method, path.format(session), body, lease=lease), 410, "E-SESSION-001")
    assert late["close_reason"] == "ended"
    assert late["snapshot"] == receipt["snapshot"]


def test_closed_ephemeral_session_leaves_nothing_to_resume(free: Api) -> None:
    session, lease = free.start(topic="call-7")
    free.append(session, lease)
    make_overdue(session)
    late = problem(free.append(session, lease), 410, "E-SESSION-001")
    assert late["snapshot"] is None
    assert late["close_reason"] == "detached"
    assert not SessionKey.objects.exists()
    assert not JournalBatch.objects.exists()
    assert Session.objects.get().topic == ""


def test_repeated_end_changes_nothing_and_answers_the_same(paid: Api) -> None:
    session, lease = paid.start()
    paid.append(session, lease, [*TONES, {"event_type": "service", "status": "ready"}])
    first = paid.post(f"sessions/{session}/end/", lease=lease)
    with nothing_written():
        again = [paid.post(f"sessions/{session}/end/", lease=token).content for token in [lease, "x", ""]]
    assert again == [first.content] * 3
    assert first.json()["withheld"] == {"service": 1}


def test_live_session_has_no_receipt_and_is_not_deleted(paid: Api) -> None:
    session, lease = paid.start()
    with nothing_written():
        problem(paid.get(f"sessions/{session}/receipt/"), 409, "E-SESSION-005")
        problem(paid.delete(f"sessions/{session}/", lease=lease), 409, "E-SESSION-005")


@pytest.mark.parametrize("policy", ["pinned", "private", "ephemeral"])
def test_delete_of_a_closed_session_removes_row_snapshot_and_key(policy: str, paid: Api) -> None:
    bystander = paid.closed()
    receipt = paid.closed(policy=policy)
    assert paid.delete(f"sessions/{receipt['session']}/").status_code == 204
    assert [str(s.pk) for s in Session.objects.all()] == [bystander["session"]]
    assert [str(s.session_id) for s in Snapshot.objects.all()] == [bystander["session"]]
    assert [str(k.session_id) for k in SessionKey.objects.all()] == [bystander["session"]]
    problem(paid.delete(f"sessions/{receipt['session']}/"), 404, "E-SESSION-002")
    assert paid.get("settings/panel/").json()["storage_bytes"] == Snapshot.objects.get().size


def test_delete_of_a_session_past_its_deadline_removes_it(paid: Api) -> None:
    session, lease = paid.start()
    paid.append(session, lease)
    make_overdue(session)
    assert paid.delete(f"sessions/{session}/").status_code == 204
    assert not any(model.objects.exists() for model in (Session, Snapshot, SessionKey))
