"""Statements that are put together once do what the ORM's would, on both databases."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from knox.models import AuthToken

from sessions_app.api import user_tokens
from sessions_app.models import JournalBatch, Preferences, Session
from sessions_app.models.statements import journal_page, update_active, update_each_live, update_live
from sessions_app.services import closing, holding, sweep
from snapshots.statements import OneRow, insert
from tests.integration.conftest import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(paid: Api) -> Session:
    started = paid.post("sessions/", {"topic": "call-1", "window_ms": 400, "elcor": True}).json()
    lease, address = str(started["lease"]["token"]), f"sessions/{started['id']}"
    paid.call("PATCH", f"{address}/speakers/", {"speakers": {"A": {"name": "Zoë"}}}, lease=lease)
    paid.call("POST", f"{address}/touch/", {}, lease=lease)
    return Session.objects.get(pk=started["id"])


def columns(found: Any) -> dict[str, Any]:
    """Every column, as it is held by the object; binary ones as bytes, whichever type the driver gives."""
    values = {field.attname: getattr(found, field.attname) for field in found._meta.concrete_fields}
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in values.items()}


def test_locked_session_with_its_keys_is_what_the_orm_reads(session: Session, django_assert_num_queries: Any) -> None:
    wanted = Session.objects.with_key().get(pk=session.pk)
    with transaction.atomic(), django_assert_num_queries(1):
        found = holding._LOCKED.get(owner_id=session.owner_id, session_id=session.pk)
        assert found is not None
        got = [columns(found), columns(found.key), columns(found.key.user_key)]
    assert got == [columns(wanted), columns(wanted.key), columns(wanted.key.user_key)]
    assert not found._state.adding


def test_next_of_the_sweep_is_what_the_orm_reads(session: Session) -> None:
    wanted = Session.objects.with_key().get(pk=session.pk)
    with transaction.atomic():
        assert sweep._NEXT.get(now=session.sweep_after - timedelta(microseconds=1)) is None
        found = sweep._NEXT.get(now=session.sweep_after)
    assert found is not None
    assert [columns(found), columns(found.key)] == [columns(wanted), columns(wanted.key)]


def test_preferences_are_what_the_orm_reads(session: Session) -> None:
    assert closing._PREFERENCES.get(owner_id=session.owner_id) is None
    wanted = Preferences.objects.create(user_id=session.owner_id, retention_days=3)
    found = closing._PREFERENCES.get(owner_id=session.owner_id)
    assert columns(found) == columns(wanted)


def test_session_without_a_key_is_found_too(session: Session) -> None:
    Session.objects.filter(pk=session.pk).update(key=None)
    with transaction.atomic():
        found = holding._LOCKED.get(owner_id=session.owner_id, session_id=session.pk)
    assert found is not None
    assert found.key is None


def test_nothing_is_found_for_another_user_or_id(session: Session) -> None:
    with transaction.atomic():
        assert holding._LOCKED.get(owner_id=session.owner_id + 1, session_id=session.pk) is None
        assert holding._LOCKED.get(owner_id=session.owner_id, session_id=uuid.uuid4()) is None


def test_token_is_what_the_orm_reads(paid: Api) -> None:
    wanted = AuthToken.objects.select_related("user").get(user=paid.user)
    found = user_tokens._TOKEN.get(digest=wanted.digest)
    assert found is not None
    assert (columns(found), columns(found.user)) == (columns(wanted), columns(wanted.user))


def test_value_that_is_no_parameter_is_refused() -> None:
    lost = OneRow(lambda session_id: Session.objects.all(), session_id=Session._meta.pk)
    with pytest.raises(ValueError, match="each value must be a parameter"):
        lost.get(session_id=uuid.uuid4())


def test_statement_that_another_thread_made_is_used(session: Session) -> None:
    """And what it was made with, that thread's connection, is not."""
    query = OneRow(lambda pk: Session.objects.filter(pk=pk), pk=Session._meta.pk)
    compiling = threading.Thread(target=query._compile)
    compiling.start()
    compiling.join()
    assert columns(query.get(pk=session.pk)) == columns(session)


def update(session: Session, **changes: Any) -> bool:
    return update_live(session, changes)


def test_update_changes_what_it_should(session: Session) -> None:
    later = session.expires_at - timedelta(seconds=3)
    changes = {"last_seq": 7, "expires_at": later, "settings": {"elcor": False}, "labels": b"\x00\xff"}
    assert update(session, **changes)
    found = columns(Session.objects.get(pk=session.pk))
    assert found == columns(session) | changes


@pytest.mark.parametrize(
    "over",
    [{"epoch": 2}, {"expires_at": timezone.now() - timedelta(seconds=1), "last_activity_at": "started_at"}],
    ids=["another epoch", "past its deadline"],
)
def test_update_needs_a_live_row_of_this_epoch(session: Session, over: dict[str, Any]) -> None:
    if "expires_at" in over:
        early = timezone.now() - timedelta(hours=1)
        over = over | {"started_at": early, "last_activity_at": early}
    Session.objects.filter(pk=session.pk).update(**over)
    assert not update(session, last_seq=7)
    assert Session.objects.get(pk=session.pk).last_seq == 0


@pytest.mark.parametrize("count", [1, 3])
def test_rows_are_inserted_as_the_orm_would(session: Session, count: int) -> None:
    now = timezone.now()
    rows = [
        JournalBatch(
            session=session, first_seq=n, last_seq=n, sealed=bytes([n, 0, 255]), created_at=now, answered_expires_at=now
        )
        for n in range(1, count + 1)
    ]
    insert(JournalBatch, rows)
    stored = JournalBatch.objects.filter(session=session).order_by("first_seq")
    assert [columns(row) | {"id": None} for row in stored] == [columns(row) for row in rows]


def test_journal_comes_in_pages_and_in_order(session: Session) -> None:
    now = timezone.now()
    rows = [
        JournalBatch(
            session=session, first_seq=n, last_seq=n, sealed=bytes([n, 0]), created_at=now, answered_expires_at=now
        )
        for n in range(1, 6)
    ]
    insert(JournalBatch, rows)
    first = journal_page(session.pk, after=0, limit=3)
    assert [(begin, end, bytes(sealed)) for _, begin, end, sealed in first] == [
        (n, n, bytes([n, 0])) for n in (1, 2, 3)
    ]
    rest = journal_page(session.pk, after=first[-1][0], limit=3)
    assert [begin for _, begin, _, _ in rest] == [4, 5]
    assert journal_page(uuid.uuid4(), after=0, limit=3) == []


def test_update_of_many_tells_when_one_was_not_live(session: Session) -> None:
    session.last_seq = 3
    assert update_each_live([session], ("last_seq",))
    assert Session.objects.get(pk=session.pk).last_seq == 3
    session.epoch += 1
    assert not update_each_live([session, session], ("last_seq",))


def test_update_of_an_active_row_asks_for_no_deadline(session: Session) -> None:
    early = timezone.now() - timedelta(hours=1)
    Session.objects.filter(pk=session.pk).update(started_at=early, last_activity_at=early, expires_at=early)
    changes = {"state": "closed", "close_reason": "idle", "closed_at": early, "token_mac": None}
    assert update_active(session, changes)
    assert not update_active(session, changes)
