"""How long a snapshot is kept: the user's choices, deletion, the purge, and the sum of what is stored."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from sessions_app.errors import InvalidFields, InvalidSession, InvalidTransition, SnapshotNotFound, TierRequired
from sessions_app.models import Entitlement, Preferences, Session
from sessions_app.services import receipts, retention
from sessions_app.services.retention import PurgeFilter, change_retention, purge, release_lapsed
from sessions_app.services.tiers import Plan
from sessions_app.tiers import Tier
from snapshots.models import SessionKey, Snapshot, UserKey
from snapshots.services.retention import lock_some
from snapshots.services.snapshots import stored_bytes
from tests.factories import EntitlementFactory, UserFactory
from tests.flows import PAID, add, age, begin, ended, everything, fresh, overdue

pytestmark = pytest.mark.django_db

FREE = Plan(Tier.FREE)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _sums_are_right() -> Iterator[None]:
    """After every test the sum beside each user's key is that of the user's snapshots."""
    yield
    for key in UserKey.objects.all():
        snapshots = Snapshot.objects.owned_by(key.owner_id)
        assert key.stored_bytes == (snapshots.aggregate(sum=Sum("size"))["sum"] or 0)


def change(snapshot: Snapshot, *, plan: Plan = PAID, **wanted: Any) -> Snapshot:
    """Change the retention as the owner, and return the row as it is then."""
    change_retention(owner_id=snapshot.owner_id, plan=plan, snapshot_id=snapshot.pk, now=timezone.now(), **wanted)
    return Snapshot.objects.get(pk=snapshot.pk)


def expire(snapshot: Snapshot, ago: timedelta = SECOND) -> None:
    """Let the snapshot's time be over since then."""
    end = timezone.now() - ago
    Snapshot.objects.filter(pk=snapshot.pk).update(created_at=end - 30 * DAY, expires_at=end)


def gone(snapshot: Snapshot) -> bool:
    row = Snapshot.objects.filter(pk=snapshot.pk).exists()
    key = SessionKey.objects.filter(session_id=snapshot.session_id).exists()
    assert row == key, "a snapshot and its key go together"
    return not row


def removed(snapshot: Snapshot) -> str:
    session = Session.objects.get(pk=snapshot.session_id)
    assert (session.snapshot_removed_at is None) == (session.snapshot_removed_because == "")
    return session.snapshot_removed_because


def test_kept_snapshot_has_no_end_and_gets_the_usual_one_when_let_go() -> None:
    snapshot = ended()
    assert change(snapshot, keep=True).expires_at is None
    let_go = change(snapshot, keep=False).expires_at
    assert let_go is not None
    assert timedelta(0) <= timezone.now() + 30 * DAY - let_go < timedelta(minutes=1)
    assert change(snapshot, keep=False).expires_at == let_go  # letting go twice gives no more time


def test_letting_go_follows_the_users_shorter_wish() -> None:
    snapshot = ended()
    Preferences.objects.create(user=snapshot.owner, retention_days=3)
    change(snapshot, keep=True)
    let_go = change(snapshot, keep=False).expires_at
    assert let_go is not None
    assert let_go < timezone.now() + 3 * DAY


def test_keeping_needs_paid_and_shortening_does_not() -> None:
    snapshot = ended()
    with pytest.raises(TierRequired):
        change(snapshot, plan=FREE, keep=True)
    end = timezone.now() + DAY
    assert change(snapshot, plan=FREE, expires_at=end).expires_at == end


def test_end_can_come_forward_only() -> None:
    snapshot = ended()
    now = timezone.now()
    before = everything()
    for end in (now, now - DAY, snapshot.expires_at + SECOND, now + 365 * DAY):
        with pytest.raises(InvalidFields):
            change(snapshot, expires_at=end)
    assert everything() == before
    assert change(snapshot, expires_at=now + DAY).expires_at == now + DAY
    assert not gone(snapshot)


def test_past_its_end_a_snapshot_is_gone_for_everyone_purged_or_not() -> None:
    snapshot = ended()
    expire(snapshot)
    for call in (
        lambda: change(snapshot, keep=True),
        lambda: retention.delete_snapshot(owner_id=snapshot.owner_id, snapshot_id=snapshot.pk, now=timezone.now()),
    ):
        with pytest.raises(SnapshotNotFound):
            call()
    receipt = receipts.read_receipt(owner_id=snapshot.owner_id, session_id=snapshot.session_id, now=timezone.now())
    assert receipt.snapshot is None
    assert receipt.kept_because == "Nothing is kept any more: the time for keeping it is over."
    assert not gone(snapshot)


def test_delete_takes_the_key_and_the_row_and_leaves_the_others() -> None:
    snapshot = ended()
    other = ended(snapshot.owner)
    retention.delete_snapshot(owner_id=snapshot.owner_id, snapshot_id=snapshot.pk, now=timezone.now())
    assert gone(snapshot)
    assert not gone(other)
    assert (removed(snapshot), removed(other)) == ("user", "")
    assert stored_bytes(owner_id=snapshot.owner_id) == other.size
    receipt = receipts.read_receipt(owner_id=snapshot.owner_id, session_id=snapshot.session_id, now=timezone.now())
    assert receipt.kept_because == "Nothing is kept any more: you deleted it."


@pytest.mark.parametrize("ident", ["", "x", 0, None])
def test_snapshots_of_others_and_unknown_ones_are_not_found(ident: Any) -> None:
    snapshot, stranger = ended(), UserFactory()
    before = everything()
    for owner_id, pk in ((stranger.pk, snapshot.pk), (snapshot.owner_id, ident)):
        with pytest.raises(SnapshotNotFound):
            retention.delete_snapshot(owner_id=owner_id, snapshot_id=pk, now=timezone.now())
    assert everything() == before


def test_deleting_a_session_takes_all_of_it() -> None:
    snapshot = ended()
    kept = ended(snapshot.owner)
    who = {"owner_id": snapshot.owner_id, "session_id": snapshot.session_id, "now": timezone.now()}
    retention.delete_session(**who)
    assert gone(snapshot)
    assert not Session.objects.filter(pk=snapshot.session_id).exists()
    assert not gone(kept)
    with pytest.raises(InvalidSession):
        retention.delete_session(**who)


def test_only_a_closed_session_can_be_deleted() -> None:
    live = begin()
    add(live)
    before = everything()
    with pytest.raises(InvalidTransition):
        retention.delete_session(owner_id=live.session.owner_id, session_id=live.session.pk, now=timezone.now())
    assert everything() == before
    # One that is past its deadline is closed first, or stays when that fails.
    late = age(live.session)
    key = SessionKey.objects.get(session_id=late.pk)
    SessionKey.objects.filter(pk=key.pk).delete()
    who = {"owner_id": late.owner_id, "session_id": late.pk, "now": timezone.now()}
    with pytest.raises(InvalidTransition):
        retention.delete_session(**who)
    assert fresh(late).close_attempts == 1
    other = overdue()
    retention.delete_session(owner_id=other.owner_id, session_id=other.pk, now=timezone.now())
    assert not Session.objects.filter(pk=other.pk).exists()
    assert not Snapshot.objects.exists()


def test_wrong_sum_never_keeps_anything_from_being_deleted() -> None:
    snapshot = ended()
    UserKey.objects.update(stored_bytes=1)
    retention.delete_snapshot(owner_id=snapshot.owner_id, snapshot_id=snapshot.pk, now=timezone.now())
    assert gone(snapshot)
    assert stored_bytes(owner_id=snapshot.owner_id) == 0


def test_purge_takes_what_is_past_its_end_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PURGE_BATCH", 2)
    owner = UserFactory()
    doomed = [ended(owner) for _ in range(3)] + [ended(), ended()]
    kept, valid = ended(owner), ended(owner)
    change(kept, keep=True)
    for snapshot in doomed:
        expire(snapshot)
    assert list(purge(which=PurgeFilter(), now=timezone.now())) == [2, 2, 1]
    assert all(gone(snapshot) for snapshot in doomed)
    assert {removed(snapshot) for snapshot in doomed} == {"expired"}
    assert not gone(kept)
    assert not gone(valid)
    assert stored_bytes(owner_id=owner.pk) == kept.size + valid.size
    assert list(purge(which=PurgeFilter(), now=timezone.now())) == []


def test_purge_takes_a_snapshot_at_its_end_and_not_before() -> None:
    snapshot = ended()
    end = snapshot.expires_at
    assert end is not None
    assert list(purge(which=PurgeFilter(), now=end - timedelta(microseconds=1))) == []
    assert list(purge(which=PurgeFilter(), now=end)) == [1]


def test_purge_filters_only_narrow() -> None:
    mine, other = ended(), ended()
    fresh_one = ended(mine.owner)
    for snapshot in (mine, other):
        expire(snapshot, 10 * DAY)
    by_owner = PurgeFilter(owner_id=mine.owner_id)
    older = PurgeFilter(older_than=60 * DAY)
    assert set(by_owner.matching(now=timezone.now())) == {mine, fresh_one}
    assert set(by_owner.due(now=timezone.now())) == {mine}
    assert list(purge(which=older, now=timezone.now())) == []
    assert list(purge(which=by_owner, now=timezone.now())) == [1]
    assert (gone(mine), gone(other), gone(fresh_one)) == (True, False, False)
    assert list(purge(which=PurgeFilter(older_than=30 * DAY), now=timezone.now())) == [1]
    assert gone(other)


@pytest.mark.django_db(transaction=True)
def test_rows_are_locked_only_inside_a_transaction() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        lock_some(Snapshot.objects.all(), limit=1)


def test_lapsed_plan_ends_keeping_without_an_end_and_destroys_nothing() -> None:
    lapsed, paying = EntitlementFactory().user, EntitlementFactory().user
    kept = [ended(lapsed), ended(lapsed)]
    still = ended(paying)
    bounded = ended(lapsed)
    for snapshot in [*kept, still]:
        change(snapshot, keep=True)
    now = timezone.now()
    assert release_lapsed(now=now) == 0
    Entitlement.objects.filter(user=lapsed).update(valid_until=now)
    assert release_lapsed(now=now) == 2
    assert release_lapsed(now=now) == 0
    ends = dict(Snapshot.objects.values_list("pk", "expires_at"))
    assert [ends[snapshot.pk] for snapshot in kept] == [now + 30 * DAY] * 2
    assert ends[still.pk] is None
    assert ends[bounded.pk] == bounded.expires_at


def test_plans_are_asked_for_only_so_long_and_everyone_has_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [ended(EntitlementFactory().user) for _ in range(4)]
    for snapshot in kept:
        change(snapshot, keep=True)
    Entitlement.objects.update(valid_until=timezone.now())
    asked = retention.resolve_plan

    def slow(**which: Any) -> Any:
        time.sleep(0.06)
        return asked(**which)

    monkeypatch.setattr(retention, "resolve_plan", slow)
    monkeypatch.setattr(retention, "RELEASE_S", 0.1)
    rounds = [release_lapsed(now=timezone.now()) for _ in range(2)]
    assert rounds == [2, 2]


def test_purge_of_one_user_changes_nobody_elses_snapshots(capsys: pytest.CaptureFixture[str]) -> None:
    snapshot = ended(EntitlementFactory().user)
    change(snapshot, keep=True)
    Entitlement.objects.update(valid_until=timezone.now())
    call_command("purge_snapshots", user=UserFactory().get_username())
    assert Snapshot.objects.get().expires_at is None
    call_command("purge_snapshots")
    assert "Gave 1 that were kept an end again" in capsys.readouterr().out
    assert Snapshot.objects.get().expires_at is not None
