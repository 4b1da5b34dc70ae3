"""What a bulk append does to many rows at once is what would be done to each, on both databases."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from sessions_app.models import JournalBatch, Session
from sessions_app.models.journal import NewBatch
from sessions_app.models.locked import LockedSession
from sessions_app.models.many import add_batches, lock_all, update_all_live
from snapshots.models import SessionKey
from tests.integration.conftest import Api, make_overdue

pytestmark = pytest.mark.django_db

FIELDS = [name for name in LockedSession.__slots__ if name != "key"]


@pytest.fixture
def ids(paid: Api, other: Api) -> list[uuid.UUID]:
    return [uuid.UUID(api.start()[0]) for api in (paid, other, paid)]


def locked(ids: list[uuid.UUID]) -> dict[uuid.UUID, LockedSession]:
    with transaction.atomic():
        return lock_all(ids)


def batch(session: uuid.UUID, number: int, **more: Any) -> NewBatch:
    now = timezone.now()
    sealed = bytes([number, 0, 255]) * 1000
    return NewBatch(session, number, more.pop("last_seq", number), sealed, now, now + timedelta(seconds=number), **more)


def test_locked_sessions_are_what_the_orm_reads(ids: list[uuid.UUID], django_assert_num_queries: Any) -> None:
    with transaction.atomic(), django_assert_num_queries(1):
        found = lock_all([*ids, uuid.uuid4()])
    assert set(found) == set(ids)
    for wanted in Session.objects.with_key():
        got = found[wanted.pk]
        assert {name: getattr(got, name) for name in FIELDS} == {name: getattr(wanted, name) for name in FIELDS}
        assert (got.clocks, got.is_closed) == (wanted.clocks, wanted.is_closed)
        assert got.key is not None
        assert (got.key.id, got.key.session_id) == (wanted.key.id, wanted.pk)
        assert bytes(got.key.wrapped) == bytes(wanted.key.wrapped)
        user_key = wanted.key.user_key
        assert (got.key.user_key_id, got.key.owner_id) == (user_key.id, wanted.owner_id)
        assert bytes(got.key.user_wrapped) == bytes(user_key.wrapped)


def test_locked_session_whose_key_is_destroyed_has_none(ids: list[uuid.UUID]) -> None:
    SessionKey.objects.filter(session_id=ids[0]).delete()
    found = locked(ids)
    assert [found[session].key is None for session in ids] == [True, False, False]


def test_nothing_is_locked_of_no_ids() -> None:
    assert locked([]) == {}


def test_update_writes_each_rows_own_values(ids: list[uuid.UUID]) -> None:
    found = locked(ids)
    for number, session in enumerate(found.values(), 1):
        session.last_seq, session.content_bytes = number, 3_000_000_000 * number
        session.last_activity_at += timedelta(seconds=number)
        session.expires_at += timedelta(seconds=number)
    with transaction.atomic():
        assert update_all_live(list(found.values()))
    assert locked(ids) == found


@pytest.mark.parametrize("fault", ["epoch", "overdue", "closed"])
def test_update_tells_when_one_was_not_live(ids: list[uuid.UUID], paid: Api, fault: str) -> None:
    found = locked(ids)
    if fault == "epoch":
        found[ids[2]].epoch += 1
    elif fault == "overdue":
        make_overdue(str(ids[2]))
    else:
        now = timezone.now()
        Session.objects.filter(pk=ids[2]).update(state="closed", close_reason="idle", closed_at=now, token_mac=None)
    with transaction.atomic():
        assert not update_all_live(list(found.values()))


def test_added_batches_are_as_they_were(ids: list[uuid.UUID]) -> None:
    rows = [batch(session, number) for number, session in enumerate(ids, 1)]
    rows.append(batch(ids[0], 9, idempotency_mac=b"\0" * 32, body_mac=b"\xff" * 32))
    rows.append(batch(ids[1], 9, last_seq=8))
    with transaction.atomic():
        add_batches(rows)
    names = [field.attname for field in JournalBatch._meta.concrete_fields if field.attname != "id"]
    stored = JournalBatch.objects.order_by("id")
    assert [[as_bytes(getattr(row, name)) for name in names] for row in stored] == [
        [getattr(row, name) for name in names] for row in rows
    ]
    assert [row.count for row in stored] == [row.count for row in rows] == [1, 1, 1, 1, 0]


def as_bytes(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def test_batch_at_a_place_that_is_taken_is_refused_as_the_database_does(ids: list[uuid.UUID]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        add_batches([batch(ids[0], 1), batch(ids[0], 1)])
    assert not JournalBatch.objects.exists()
