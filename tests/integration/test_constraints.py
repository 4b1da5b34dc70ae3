"""The database refuses what must never be, whoever writes it."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F, Model
from django.utils import timezone

from sessions_app.models import Entitlement, JournalBatch, Preferences, ResumedSnapshot, Session
from sessions_app.services.tiers import Plan
from sessions_app.tiers import Tier
from snapshots.models import SessionKey, Snapshot, UserKey
from tests.factories import EntitlementFactory, UserFactory
from tests.flows import add, begin, ended

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def change(row: Model, **columns: Any) -> None:
    """Write columns past all of the services' rules."""
    with transaction.atomic():
        assert type(row)._default_manager.filter(pk=row.pk).update(**columns) == 1


def refused(row: Model, constraint: str, **columns: Any) -> None:
    with pytest.raises(IntegrityError) as caught:
        change(row, **columns)
    told = str(caught.value)
    # SQLite names a unique index's columns instead of its name.
    assert constraint in told or "UNIQUE constraint failed" in told, told


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("session_policy_known", {"policy": "eternal"}),
        ("session_policy_known", {"policy": ""}),
        ("session_tier_known", {"tier": "platinum"}),
        ("session_reason_known", {"state": "closed", "close_reason": "bored", "token_mac": None}),
        ("session_state_and_reason_agree", {"state": "paused"}),
        ("session_state_and_reason_agree", {"close_reason": "idle"}),
        ("session_state_and_reason_agree", {"closed_at": F("started_at")}),
        ("session_state_and_reason_agree", {"token_mac": None}),
        ("session_state_and_reason_agree", {"state": "closed"}),
        ("session_state_and_reason_agree", {"state": "closed", "close_reason": "idle", "token_mac": None}),
        (
            "session_state_and_reason_agree",
            {"state": "closed", "closed_at": F("started_at"), "token_mac": None},
        ),
        (
            "session_state_and_reason_agree",
            {"state": "closed", "close_reason": "idle", "closed_at": F("started_at")},
        ),
        ("session_clocks_in_order", {"last_activity_at": F("started_at") - SECOND}),
        ("session_clocks_in_order", {"last_activity_at": F("expires_at") + SECOND}),
        ("session_clocks_in_order", {"expires_at": F("hard_expires_at") + SECOND}),
        ("session_epoch_from_one", {"epoch": 0}),
    ],
    ids=lambda value: value if isinstance(value, str) else ",".join(value),
)
def test_live_session_that_can_not_be_is_refused(constraint: str, columns: dict[str, Any]) -> None:
    session = begin().session
    # An unknown reason breaks more than one rule; the database may name either.
    if constraint == "session_reason_known":
        columns = {**columns, "closed_at": session.started_at}
    refused(session, constraint, **columns)


def test_closed_session_is_final_in_its_columns() -> None:
    session = Session.objects.get(pk=ended().session_id)
    refused(session, "session_state_and_reason_agree", state="active")
    refused(session, "session_state_and_reason_agree", close_reason="")
    refused(session, "session_state_and_reason_agree", token_mac=b"m" * 32)
    refused(session, "session_quarantine_is_live", quarantined_at=timezone.now())


def test_every_state_that_the_services_write_is_allowed() -> None:
    live = begin().session
    change(live, quarantined_at=timezone.now(), close_failed_at=timezone.now(), close_attempts=8)
    change(live, last_activity_at=F("hard_expires_at"), expires_at=F("hard_expires_at"))


def test_two_sessions_never_share_a_token() -> None:
    one, other = begin().session, begin().session
    refused(other, "token_mac", token_mac=one.token_mac)


def test_one_live_session_for_each_owner_and_topic() -> None:
    first = begin(topic="call-1").session
    second = begin(first.owner, topic="call-2").session
    refused(second, "session_one_live_per_owner_and_topic", topic="call-1")
    # One that is over, though it can't be saved, holds the topic no more.
    change(first, close_failed_at=timezone.now())
    change(second, topic="call-1")
    refused(first, "session_one_live_per_owner_and_topic", close_failed_at=None)


def test_one_live_session_for_each_tenant_and_topic() -> None:
    plan = Plan(Tier.PAID, tenant="acme")
    first, second = begin(plan=plan, topic="call-1").session, begin(plan=plan, topic="call-2").session
    refused(second, "session_one_live_per_tenant_and_topic", topic="call-1")
    change(first, close_failed_at=timezone.now())
    change(second, topic="call-1")


def test_no_topic_and_no_tenant_are_nobodys() -> None:
    owner = UserFactory()
    for plan in (Plan(Tier.PAID), Plan(Tier.PAID, tenant="acme")):
        begin(owner, plan=plan)
        begin(owner, plan=plan)
        begin(plan=plan)
    begin(topic="call-1")
    begin(topic="call-1")


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("journal_seq_in_order", {"first_seq": 0}),
        ("journal_seq_in_order", {"first_seq": 8}),
        ("journal_seq_in_order", {"last_seq": 2}),
        ("journal_key_has_body", {"idempotency_mac": b"k" * 32}),
        ("journal_key_has_body", {"body_mac": b"b" * 32}),
        ("journal_one_batch_per_seq", {"first_seq": 1, "last_seq": 3}),
    ],
    ids=str,
)
def test_batch_that_can_not_be_is_refused(constraint: str, columns: dict[str, Any]) -> None:
    lease = begin()
    add(lease)
    add(lease)
    refused(JournalBatch.objects.get(first_seq=4), constraint, **columns)


def test_batch_without_events_is_allowed_beside_the_one_before() -> None:
    lease = begin()
    add(lease)
    add(lease)
    batch = JournalBatch.objects.get(first_seq=4)
    change(batch, first_seq=4, last_seq=3)


def test_idempotency_key_is_stored_once_in_a_session() -> None:
    lease, other = begin(), begin()
    for held in (lease, lease, other):
        add(held)
    first, second, elsewhere = JournalBatch.objects.order_by("id")
    macs = {"idempotency_mac": b"k" * 32, "body_mac": b"b" * 32}
    change(first, **macs)
    change(elsewhere, **macs)
    refused(second, "journal_one_batch_per_key", **macs)


def test_snapshot_is_the_only_one_of_its_session_and_ends_after_its_birth() -> None:
    one, other = ended(), ended()
    refused(other, "session_id", session_id=one.session_id)
    refused(one, "snapshot_expires_after_birth", expires_at=one.created_at - SECOND)
    change(one, expires_at=None)
    change(one, expires_at=one.created_at)


def test_numbers_never_go_below_zero() -> None:
    snapshot = ended()
    refused(snapshot, "event_count", event_count=-1)
    refused(snapshot, "size", size=-1)
    refused(UserKey.objects.get(), "stored_bytes", stored_bytes=-1)
    refused(Session.objects.get(), "last_seq", last_seq=-1)


def test_keys_are_one_a_user_and_one_a_session() -> None:
    one, other = ended(), ended()
    refused(UserKey.objects.get(owner=other.owner), "owner_id", owner_id=one.owner_id)
    refused(SessionKey.objects.get(session_id=other.session_id), "session_id", session_id=one.session_id)


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("preferences_policy_known", {"default_policy": "eternal"}),
        ("preferences_retention_positive", {"retention_days": 0}),
        ("preferences_recent_limit_in_range", {"recent_limit": 0}),
        ("preferences_recent_limit_in_range", {"recent_limit": 51}),
    ],
    ids=str,
)
def test_preferences_that_can_not_be_are_refused(constraint: str, columns: dict[str, Any]) -> None:
    preferences = Preferences.objects.create(user=UserFactory(), retention_days=1, recent_limit=50)
    refused(preferences, constraint, **columns)


def test_user_has_one_row_of_preferences_and_one_plan() -> None:
    plan, other = EntitlementFactory(), EntitlementFactory()
    refused(other, "user_id", user_id=plan.user_id)
    refused(plan, "entitlement_tier_known", tier="platinum")
    refused(plan, "entitlement_tier_known", tier="")
    assert Entitlement.objects.count() == 2
    one, two = (Preferences.objects.create(user=row.user) for row in (plan, other))
    refused(two, "user_id", user_id=one.user_id)


def test_snapshot_is_linked_once_to_a_session() -> None:
    lease = begin()
    link = {"source_session_id": uuid.uuid4(), "events": 1, "after_seq": 0, "imported_at": timezone.now()}
    ids = [uuid.uuid4(), uuid.uuid4()]
    one, other = (ResumedSnapshot.objects.create(session=lease.session, snapshot_id=pk, **link) for pk in ids)
    refused(other, "resumed_once_per_session", snapshot_id=one.snapshot_id)


def test_user_with_sessions_keys_or_snapshots_can_not_be_deleted_by_the_way() -> None:
    snapshot = ended()
    with pytest.raises(IntegrityError), transaction.atomic():
        snapshot.owner.delete()
    assert Snapshot.objects.filter(pk=snapshot.pk).exists()
