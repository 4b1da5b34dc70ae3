"""Reading a live session's history: whole pages or a named error, never less than was acknowledged."""

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from sessions_app.errors import SessionExpired, VaultUnavailable
from sessions_app.models import JournalBatch
from sessions_app.services import journal, sessions
from sessions_app.services.following import read_after
from sessions_app.services.journal import History, read_history
from sessions_app.services.sealing import open_batch
from tests.flows import EVENTS, SPOKEN, add, begin, flip, whose

pytestmark = pytest.mark.django_db


def read(lease: sessions.Lease, after: int = 0, limit: int = 100) -> History:
    return read_history(
        owner_id=lease.session.owner_id, session_id=lease.session.pk, after=after, limit=limit, now=timezone.now()
    )


def seqs(history: History) -> list[int]:
    return [event["seq"] for event in history.events]


@pytest.fixture
def lease() -> sessions.Lease:
    """A session with nine events in three batches, and one batch of which nothing was stored."""
    held = begin()
    for events in (EVENTS, EVENTS, [SPOKEN], EVENTS):
        add(held, events)
    return held


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 8, 9, 10])
def test_pages_put_together_are_the_whole_history(lease: sessions.Lease, limit: int) -> None:
    found: list[int] = []
    after = 0
    for _ in range(20):
        page = read(lease, after, limit)
        assert len(page.events) <= limit
        assert page.last_seq == 9
        found += seqs(page)
        if page.next_after == after:
            break
        after = page.next_after
    assert found == list(range(1, 10))


@pytest.mark.parametrize(("after", "expected"), [(0, range(1, 10)), (4, range(5, 10)), (8, [9]), (9, []), (99, [])])
def test_history_goes_on_after_a_number(lease: sessions.Lease, after: int, expected: Any) -> None:
    page = read(lease, after)
    assert seqs(page) == list(expected)
    assert page.next_after == (9 if expected else after)


def test_page_of_a_session_that_grows_meanwhile_is_not_beyond_its_end(
    lease: sessions.Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grow(*args: Any, **kwargs: Any) -> Any:
        add(lease)
        return read_page(*args, **kwargs)

    read_page = journal.read_page
    monkeypatch.setattr(journal, "read_page", grow)
    page = read(lease)
    assert (page.next_after, page.last_seq) == (12, 12)


def test_page_opens_no_batch_that_it_does_not_touch(lease: sessions.Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MAX_EVENTS", 3)
    opened: list[int] = []
    monkeypatch.setattr(
        journal, "open_batch", lambda cipher, **row: opened.append(row["first_seq"]) or open_batch(cipher, **row)
    )
    for after, limit, batches in [(0, 3, [1]), (0, 4, [1, 4]), (2, 2, [1, 4]), (3, 3, [4]), (5, 9, [4, 7]), (9, 3, [])]:
        read(lease, after, limit)
        assert opened == batches
        opened.clear()


def test_page_takes_no_cursor_that_outlives_its_query(lease: sessions.Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pooler between us and PostgreSQL may give the next query another connection."""

    def refuse(*_: Any) -> None:
        raise AssertionError("a cursor of the server")

    monkeypatch.setattr(connection, "chunked_cursor", refuse)
    assert len(read(lease).events) == 9
    place = {"owner_id": lease.session.owner_id, "session_id": lease.session.pk}
    assert len(read_after(**place, after=0, now=timezone.now()).events) == 9


@pytest.mark.parametrize("missing", [[0], [1], [3], [0, 1, 2, 3]])
def test_journal_with_a_gap_is_damaged_and_not_short(lease: sessions.Lease, missing: list[int]) -> None:
    batches = list(JournalBatch.objects.order_by("id"))
    JournalBatch.objects.filter(pk__in=[batches[n].pk for n in missing]).delete()
    with pytest.raises(VaultUnavailable) as caught:
        read(lease)
    assert caught.value.status == 409


def test_damage_beyond_the_page_does_not_hide_it(lease: sessions.Lease) -> None:
    last = JournalBatch.objects.order_by("-id")[0]
    JournalBatch.objects.filter(pk=last.pk).update(sealed=flip(last.sealed))
    assert seqs(read(lease, 0, 6)) == list(range(1, 7))
    with pytest.raises(VaultUnavailable):
        read(lease, 6)


@pytest.mark.parametrize("policy", ["pinned", "private"])
def test_session_closed_while_it_is_read_is_over(policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = begin(policy=policy)
    add(lease)
    cipher = journal.session_cipher

    def close_first(**who: Any) -> Any:
        monkeypatch.undo()
        sessions.end(**whose(lease), now=timezone.now())
        return cipher(**who)

    monkeypatch.setattr(journal, "session_cipher", close_first)
    with pytest.raises(SessionExpired) as caught:
        read(lease)
    assert caught.value.extra["close_reason"] == "ended"
    assert (caught.value.extra["snapshot"] is not None) is (policy == "pinned")
