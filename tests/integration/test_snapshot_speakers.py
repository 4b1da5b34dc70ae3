"""Naming the speakers of a closed session: what is merged, sealed anew and counted, and what is refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from sessions_app.models import Entitlement
from sessions_app.services.speakers import label_snapshot_speakers
from snapshots.models import SessionKey, Snapshot, UserKey
from snapshots.services.labels import change_labels
from snapshots.services.snapshots import find_snapshot
from tests.integration.conftest import Api, nothing_written, problem
from tests.integration.test_concurrency import at_once
from tests.integration.test_retention import damage, expire

A = {"Speaker A": {"name": "Zoë", "colour": "#336699"}}


@pytest.fixture
def kept(paid: Api) -> str:
    """A snapshot with one named speaker."""
    session, lease = paid.start()
    paid.append(session, lease)
    paid.patch(f"sessions/{session}/speakers/", {"speakers": A}, lease=lease)
    snapshot: str = paid.post(f"sessions/{session}/end/", lease=lease).json()["snapshot"]["id"]
    return snapshot


@pytest.fixture(autouse=True)
def _sums_are_right(db: None) -> Iterator[None]:
    """After every test each row's size is that of its blobs, and the sum beside each user's key that of the rows."""
    yield
    for row in Snapshot.objects.all():
        assert row.size == len(row.annotations) + len(row.labels)
    for key in UserKey.objects.all():
        total = Snapshot.objects.owned_by(key.owner_id).aggregate(sum=Sum("size"))["sum"] or 0
        assert key.stored_bytes == total


def name(api: Api, snapshot: str, speakers: dict[str, Any]) -> Any:
    return api.patch(f"snapshots/{snapshot}/speakers/", {"speakers": speakers})


def test_names_are_merged_and_exported(kept: str, paid: Api) -> None:
    answer = name(paid, kept, {"Speaker B": {"name": "小林 " * 20}, "Speaker A": {"colour": None}})
    assert answer.status_code == 200, answer.content
    expected = {"Speaker A": {"name": "Zoë"}, "Speaker B": {"name": ("小林 " * 20).strip()}}
    assert answer.json() == {"speakers": expected}
    content = paid.get(f"snapshots/{kept}/content/").json()
    assert content["speakers"] == expected
    assert len(content["events"]) == 3
    assert name(paid, kept, {"Speaker A": None}).json() == {"speakers": {"Speaker B": expected["Speaker B"]}}


def test_new_names_come_along_when_the_session_is_brought_back(kept: str, paid: Api) -> None:
    name(paid, kept, {"Speaker A": {"name": "Ada"}})
    back = paid.post(f"snapshots/{kept}/import/", {}).json()
    assert paid.get(f"sessions/{back['id']}/").json()["labels"]["Speaker A"]["name"] == "Ada"


def test_labels_are_sealed_anew_and_the_events_are_not(kept: str, paid: Api) -> None:
    before = Snapshot.objects.get()
    name(paid, kept, {"Speaker A": {"name": "x" * 80}})
    after = Snapshot.objects.get()
    assert after.labels_revision == before.labels_revision + 1
    assert bytes(after.annotations) == bytes(before.annotations)
    # The earlier labels under the new revision, or the new ones under the earlier: neither opens.
    for revision, labels in [(after.labels_revision, before.labels), (before.labels_revision, after.labels)]:
        Snapshot.objects.update(labels_revision=revision, labels=bytes(labels))
        problem(paid.get(f"snapshots/{kept}/content/"), 409, "E-VAULT-001")
    Snapshot.objects.update(labels_revision=after.labels_revision, labels=bytes(after.labels))


def test_a_lapsed_user_may_still_name_speakers(kept: str, paid: Api) -> None:
    Entitlement.objects.filter(user=paid.user).update(tier="free")
    assert name(paid, kept, {"Speaker A": {"name": "Ada"}}).status_code == 200


@pytest.mark.parametrize(
    ("speakers", "field"),
    [
        ({}, "speakers"),
        ({f"S{n}": {"name": "x"} for n in range(65)}, "speakers"),
        ({"x" * 65: {"name": "x"}}, "speakers"),
        ({"Speaker A": {"name": "x" * 81}}, "speakers.Speaker A.name"),
        ({"Speaker A": {"colour": "red"}}, "speakers.Speaker A.colour"),
        ({"Speaker A": {"nickname": "x"}}, "speakers.Speaker A.nickname"),
        ("Ada", "speakers"),
    ],
)
def test_what_is_no_label_is_refused(speakers: Any, field: str, kept: str, paid: Api) -> None:
    with nothing_written():
        problem(name(paid, kept, speakers), 422, "E-REQUEST-004", field)


def test_no_more_than_64_speakers_in_all(kept: str, paid: Api) -> None:
    assert name(paid, kept, {f"S{n}": {"name": "x"} for n in range(63)}).status_code == 200
    with nothing_written():
        problem(name(paid, kept, {"one more": {"name": "x"}}), 422, "E-REQUEST-004", "speakers")


def test_snapshot_past_its_time_is_gone(kept: str, paid: Api) -> None:
    expire(kept)
    with nothing_written():
        problem(name(paid, kept, A), 404, "E-VAULT-002")


def test_damaged_labels_are_told_and_stay(kept: str, paid: Api) -> None:
    damage(kept, "labels")
    with nothing_written():
        problem(name(paid, kept, A), 409, "E-VAULT-001")


def test_missing_key_is_told_as_temporary(kept: str, paid: Api) -> None:
    row = SessionKey.objects.get()
    SessionKey.objects.all().delete()
    with nothing_written():
        problem(name(paid, kept, A), 503, "E-VAULT-001")
    row.save(force_insert=True)
    assert name(paid, kept, A).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_two_changes_at_once_both_stay(kept: str, paid: Api) -> None:
    def rename(speaker: str) -> Any:
        return label_snapshot_speakers(
            owner_id=paid.user.pk, snapshot_id=kept, changes={speaker: {"name": speaker}}, now=timezone.now()
        )

    results = at_once(*[lambda speaker=f"S{n}": rename(speaker) for n in range(6)])
    assert all(isinstance(result, dict) for result in results), results
    speakers = paid.get(f"snapshots/{kept}/content/").json()["speakers"]
    assert set(speakers) == {"Speaker A", *(f"S{n}" for n in range(6))}
    assert Snapshot.objects.get().labels_revision == 7


@pytest.mark.django_db(transaction=True)
def test_changing_labels_needs_a_transaction(kept: str, paid: Api) -> None:
    found = find_snapshot(owner_id=paid.user.pk, snapshot_id=kept, now=timezone.now())
    with pytest.raises(transaction.TransactionManagementError):
        change_labels(owner_id=paid.user.pk, snapshot=found, change=dict)
