"""Who may open a stream, and with what. The stream itself runs in tests/e2e and in test_hub.py."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import RequestFactory
from django.utils import timezone

from sessions_app.errors import TooManyStreams
from sessions_app.live.handover import SCOPE_KEY, StreamRequest, hand_over
from sessions_app.live.handover import ended as ended_stream
from sessions_app.models import Ticket
from sessions_app.services import following, tickets, timeline
from tests.flows import add, begin, ended, fresh, overdue, whose
from tests.integration.conftest import Api, make_overdue, nothing_written, problem
from tests.unit.live.test_channel import followed

UNKNOWN = "00000000-0000-4000-8000-00000000dead"


def test_stream_is_answered_with_the_headers_of_one(paid: Api) -> None:
    session, _ = paid.start()
    answer = paid.get(f"sessions/{session}/stream/", Accept="text/event-stream")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/event-stream"
    assert (answer["Cache-Control"], answer["X-Accel-Buffering"]) == ("no-cache", "no")


@pytest.mark.parametrize("accept", ["text/event-stream", "*/*", "application/json", ""])
def test_foreign_stream_is_answered_like_an_unknown_one_byte_for_byte(paid: Api, other: Api, accept: str) -> None:
    session, _ = paid.start()
    answers = [other.get(f"sessions/{name}/stream/", Accept=accept).content for name in (session, UNKNOWN, "not-an-id")]
    assert answers == [other.get(f"sessions/{UNKNOWN}/").content] * 3
    problem(other.get(f"sessions/{session}/stream/", Accept=accept), 404, "E-SESSION-002")


def test_stream_of_a_session_that_is_over_is_gone(paid: Api) -> None:
    session, lease = paid.start()
    paid.post(f"sessions/{session}/end/", lease=lease)
    told = problem(paid.get(f"sessions/{session}/stream/"), 410, "E-SESSION-001")
    assert told["close_reason"] == "ended"
    assert told["snapshot"]["id"]


def test_stream_of_a_session_past_its_deadline_is_gone_and_closes_it(paid: Api) -> None:
    session, _ = paid.start()
    make_overdue(session)
    assert problem(paid.get(f"sessions/{session}/stream/"), 410, "E-SESSION-001")["close_reason"] == "idle"
    problem(paid.post(f"sessions/{session}/tickets/"), 410, "E-SESSION-001")


def test_stream_needs_somebody(client: Any, paid: Api) -> None:
    session, _ = paid.start()
    problem(client.get(f"/api/v1/sessions/{session}/stream/"), 401, "E-AUTH-001")
    problem(client.post(f"/api/v1/sessions/{session}/tickets/"), 401, "E-AUTH-001")


def test_opening_a_stream_is_no_activity(paid: Api) -> None:
    session, _ = paid.start()
    with nothing_written():
        paid.get(f"sessions/{session}/stream/")


# --- where it begins ---------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(("last_event_id", "after"), [("1:2", 2), ("1:4", 0), ("2:1", 0), ("junk", 0), ("", 0)])
def test_stream_begins_after_what_this_session_gave_out(last_event_id: str, after: int) -> None:
    lease = begin()
    add(lease)
    begun = following.follow(
        owner_id=lease.session.owner_id,
        session_id=lease.session.pk,
        last_event_id=last_event_id,
        now=timezone.now(),
    )
    assert (begun.after, begun.resumed) == (after, after > 0)


@pytest.mark.parametrize("how", ["header", "parameter"])
def test_view_takes_the_last_id_from_header_or_parameter(paid: Api, how: str, monkeypatch: Any) -> None:
    session, lease = paid.start()
    paid.append(session, lease)
    handed: list[StreamRequest] = []
    monkeypatch.setattr(
        "sessions_app.views.stream.hand_over",
        lambda request, stream: handed.append(stream) or hand_over(request, stream),
    )
    if how == "header":
        paid.get(f"sessions/{session}/stream/", Last_Event_ID="1:2")
    else:
        paid.get(f"sessions/{session}/stream/?last_event_id=1:2")
    assert handed[0].followed.after == 2
    assert handed[0].credential is not None


def test_hand_over_leaves_the_stream_in_the_scope() -> None:
    request = RequestFactory().get("/")
    request.scope = {}  # type: ignore[attr-defined]
    stream = StreamRequest(followed())
    hand_over(request, stream)
    assert request.scope == {SCOPE_KEY: stream}  # type: ignore[attr-defined]
    ended_stream(stream)


def handed_over(owner_id: int, scope: dict[str, Any]) -> StreamRequest:
    """A view opens a stream for this user."""
    request = RequestFactory().get("/")
    request.scope = scope  # type: ignore[attr-defined]
    stream = StreamRequest(followed(owner_id=owner_id))
    hand_over(request, stream)
    return stream


def test_user_has_so_many_streams_open_at_a_time(settings: Any) -> None:
    settings.STREAM_MAX_OPEN = 2
    scopes: list[dict[str, Any]] = [{}, {}]
    streams = [handed_over(1, scope) for scope in scopes]
    with pytest.raises(TooManyStreams) as refused:
        handed_over(1, {})
    assert (refused.value.status, refused.value.extra) == (429, {"retry_after_s": 30})
    handed_over(2, {})
    ended_stream(streams.pop())
    streams.append(handed_over(1, scopes[1]))
    with pytest.raises(TooManyStreams):
        handed_over(1, {})
    for stream in streams:
        ended_stream(stream)


def test_stream_that_nobody_ran_is_not_counted_for_ever(settings: Any) -> None:
    settings.STREAM_MAX_OPEN = 1
    for _ in range(3):
        scope: dict[str, Any] = {}
        handed_over(3, scope)
        scope.clear()  # the request was given up


# --- tickets -------------------------------------------------------------------------------------------------


def ticket_for(api: Api, session: str) -> str:
    answer = api.post(f"sessions/{session}/tickets/")
    assert answer.status_code == 201
    ticket: str = answer.json()["ticket"]
    assert ticket.startswith("lnt_")
    return ticket


def test_ticket_opens_its_stream_once_and_nothing_else(client: Any, paid: Api) -> None:
    session, another = paid.start()[0], paid.start()[0]
    ticket = ticket_for(paid, session)
    for path in (f"sessions/{another}/stream/", f"sessions/{session}/", f"sessions/{session}/events/", "sessions/"):
        problem(client.get(f"/api/v1/{path}?ticket={ticket}"), 401, "E-AUTH-001")
    assert client.get(f"/api/v1/sessions/{session}/stream/?ticket={ticket}").status_code == 200
    problem(client.get(f"/api/v1/sessions/{session}/stream/?ticket={ticket}"), 401, "E-AUTH-001")


@pytest.mark.parametrize("ticket", ["", "lnt_", "lnt_" + "x" * 43, "ü", "%00", "x" * 5000])
def test_wrong_ticket_opens_nothing(client: Any, paid: Api, ticket: str) -> None:
    session, _ = paid.start()
    problem(client.get(f"/api/v1/sessions/{session}/stream/?ticket={ticket}"), 401, "E-AUTH-001")


def test_wrong_ticket_is_answered_the_same_for_every_session(client: Any, paid: Api) -> None:
    session, _ = paid.start()
    answers = {
        client.get(f"/api/v1/sessions/{name}/stream/?ticket=lnt_x").content for name in (session, UNKNOWN, "not-an-id")
    }
    assert len(answers) == 1


def test_ticket_is_over_after_a_minute(client: Any, paid: Api) -> None:
    session, _ = paid.start()
    ticket = ticket_for(paid, session)
    Ticket.objects.update(expires_at=timezone.now() - timedelta(milliseconds=1))
    problem(client.get(f"/api/v1/sessions/{session}/stream/?ticket={ticket}"), 401, "E-AUTH-001")
    assert tickets.purge(now=timezone.now()) == 1
    assert not Ticket.objects.exists()


def test_ticket_for_a_foreign_session_is_not_given(paid: Api, other: Api) -> None:
    session, _ = paid.start()
    problem(other.post(f"sessions/{session}/tickets/"), 404, "E-SESSION-002")
    assert not Ticket.objects.exists()


def test_ticket_is_stored_as_a_mac_and_shown_once(paid: Api) -> None:
    session, _ = paid.start()
    ticket = ticket_for(paid, session)
    assert ticket.encode() not in bytes(Ticket.objects.get().mac)
    assert Ticket.objects.get().mac != tickets._mac("lnt_other")


@pytest.mark.django_db
def test_ticket_carries_what_its_user_came_with(paid: Api) -> None:
    session, _ = paid.start()
    ticket = ticket_for(paid, session)
    admitted = tickets.redeem(session_id=session, ticket=ticket, now=timezone.now())
    assert admitted.owner_id == paid.user.pk
    assert (admitted.credential.kind, len(admitted.credential.reference)) == ("token", 128)


# --- what a stream reads --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_journal_is_read_in_pages_without_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PAGE_EVENTS", 4)
    lease = begin()
    for _ in range(5):
        add(lease)
    seqs: list[int] = []
    whole = False
    while not whole:
        page = following.read_after(**place(lease), after=len(seqs), now=timezone.now())
        seqs += [event["seq"] for event in page.events]
        whole = page.whole
    assert seqs == list(range(1, 16))


def place(lease: Any) -> dict[str, Any]:
    return {"owner_id": lease.session.owner_id, "session_id": lease.session.pk}


@pytest.mark.django_db
def test_what_was_missed_of_a_closed_session_is_read_from_its_snapshot() -> None:
    snapshot = ended()
    page = following.read_after(owner_id=snapshot.owner_id, session_id=snapshot.session_id, after=1, now=timezone.now())
    assert ([event["seq"] for event in page.events], page.whole) == ([2, 3], True)


@pytest.mark.django_db
def test_snapshot_is_read_in_pages_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "SNAPSHOT_PAGE_BYTES", 1)
    snapshot = ended()
    place = {"owner_id": snapshot.owner_id, "session_id": snapshot.session_id}
    found = [following.read_after(**place, after=after, now=timezone.now()) for after in range(4)]
    assert [[event["seq"] for event in page.events] for page in found] == [[1], [2], [3], []]
    assert [page.whole for page in found] == [False, False, True, True]


@pytest.mark.django_db
def test_session_past_its_deadline_is_closed_for_its_streams() -> None:
    session = overdue()
    following.settle_found([session.pk], now=timezone.now())
    assert fresh(session).is_closed
    seen = following.look([session.pk])[session.pk]
    assert (seen.closed, seen.last_seq) == (True, 3)
    ending = following.read_ending(owner_id=session.owner_id, session_id=session.pk, now=timezone.now())
    assert ending is not None
    assert (ending.close_reason, ending.snapshot is None) == ("idle", False)


@pytest.mark.django_db
def test_many_sessions_are_looked_at_in_one_query(django_assert_num_queries: Any) -> None:
    leases = [begin() for _ in range(5)]
    ids = [lease.session.pk for lease in leases]
    with django_assert_num_queries(1):
        assert set(following.look(ids)) == set(ids)
    assert whose(leases[0])["session_id"] == ids[0]
