"""The vault: keys belong to one user and one session, and a record opens in its own place or nowhere."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model
from django.utils import timezone
from pytest_django import Settings

from sessions_app.errors import SnapshotNotFound, VaultUnavailable
from sessions_app.models import JournalBatch, Session
from sessions_app.services import reading
from sessions_app.services.journal import read_history
from sessions_app.services.speakers import label_speakers
from snapshots.crypto import Keyring
from snapshots.errors import ContentDamaged, KeyMissing, VaultError
from snapshots.models import SessionKey, Snapshot, UserKey
from snapshots.services.keys import create_session_key, destroy_session_keys, session_cipher
from snapshots.services.snapshots import find_snapshot, open_snapshot
from snapshots.services.verify import verify_snapshots
from tests.factories import UserFactory
from tests.flows import EVENTS, add, begin, ended, everything, flip, whose

pytestmark = pytest.mark.django_db


def swap(one: Model, other: Model, *names: str) -> None:
    """Exchange these columns of two rows of one table."""
    for row, source in ((one, other), (other, one)):
        type(row)._default_manager.filter(pk=row.pk).update(**{name: getattr(source, name) for name in names})


def opened(snapshot: Snapshot) -> list[dict[str, Any]]:
    row = Snapshot.objects.get(pk=snapshot.pk)
    return list(open_snapshot(owner_id=row.owner_id, snapshot=row).content.numbered(1))


def test_user_has_one_key_and_each_session_its_own() -> None:
    owner = UserFactory()
    first, second = ended(owner), ended(owner)
    assert UserKey.objects.filter(owner=owner).count() == 1
    one, other = SessionKey.objects.order_by("created_at")
    assert {one.session_id, other.session_id} == {first.session_id, second.session_id}
    assert session_cipher(owner_id=owner.pk, session_id=one.session_id).key != (
        session_cipher(owner_id=owner.pk, session_id=other.session_id).key
    )


def test_cipher_is_the_one_that_was_made() -> None:
    owner, session_id = UserFactory(), uuid.uuid4()
    made = create_session_key(owner_id=owner.pk, session_id=session_id, now=timezone.now())
    assert session_cipher(owner_id=owner.pk, session_id=session_id) == made


def test_wrong_owner_opens_nothing() -> None:
    snapshot, stranger = ended(), ended().owner
    with pytest.raises(KeyMissing):
        session_cipher(owner_id=stranger.pk, session_id=snapshot.session_id)
    with pytest.raises(KeyMissing):
        open_snapshot(owner_id=stranger.pk, snapshot=snapshot)
    with pytest.raises(Snapshot.DoesNotExist):
        find_snapshot(owner_id=stranger.pk, snapshot_id=snapshot.pk, now=timezone.now())
    with pytest.raises(SnapshotNotFound):
        reading.export(owner_id=stranger.pk, snapshot_id=snapshot.pk, now=timezone.now())


def give_row(snapshot: Snapshot, stranger_id: int) -> None:
    Snapshot.objects.filter(pk=snapshot.pk).update(owner_id=stranger_id)


def give_row_and_session_key(snapshot: Snapshot, stranger_id: int) -> None:
    give_row(snapshot, stranger_id)
    SessionKey.objects.filter(session_id=snapshot.session_id).update(user_key=UserKey.objects.get(owner_id=stranger_id))


def give_row_and_both_keys(snapshot: Snapshot, stranger_id: int) -> None:
    UserKey.objects.filter(owner_id=stranger_id).update(owner_id=UserFactory().pk)
    UserKey.objects.filter(owner_id=snapshot.owner_id).update(owner_id=stranger_id)
    give_row(snapshot, stranger_id)


@pytest.mark.parametrize("give", [give_row, give_row_and_session_key, give_row_and_both_keys])
def test_rows_moved_to_another_user_do_not_open(give: Callable[[Snapshot, int], None]) -> None:
    snapshot, stranger = ended(), ended().owner
    give(snapshot, stranger.pk)
    with pytest.raises(VaultError):
        opened(snapshot)
    with pytest.raises(VaultUnavailable):
        reading.export(owner_id=stranger.pk, snapshot_id=snapshot.pk, now=timezone.now())


@pytest.mark.parametrize("same_owner", [True, False])
@pytest.mark.parametrize("names", [("annotations",), ("labels",), ("annotations", "labels"), ("session_id",)])
def test_blobs_swapped_between_snapshots_do_not_open(names: tuple[str, ...], same_owner: bool) -> None:
    one = ended()
    other = ended(one.owner if same_owner else None)
    if names == ("session_id",):
        spare = uuid.uuid4()
        Snapshot.objects.filter(pk=one.pk).update(session_id=spare)
        Snapshot.objects.filter(pk=other.pk).update(session_id=one.session_id)
        Snapshot.objects.filter(pk=one.pk).update(session_id=other.session_id)
    else:
        swap(one, other, *names)
    for snapshot in (one, other):
        with pytest.raises(VaultError):
            opened(snapshot)


def test_blob_of_another_kind_does_not_open() -> None:
    snapshot = ended()
    for changes in ({"annotations": snapshot.labels}, {"labels": snapshot.annotations}):
        Snapshot.objects.filter(pk=snapshot.pk).update(
            **{"annotations": snapshot.annotations, "labels": snapshot.labels, **changes}
        )
        with pytest.raises(ContentDamaged):
            opened(snapshot)


@pytest.mark.parametrize("same_owner", [True, False])
def test_wrapped_keys_swapped_between_sessions_do_not_open(same_owner: bool) -> None:
    one = ended()
    other = ended(one.owner if same_owner else None)
    keys = [SessionKey.objects.get(session_id=snapshot.session_id) for snapshot in (one, other)]
    swap(keys[0], keys[1], "wrapped")
    for snapshot in (one, other):
        with pytest.raises(ContentDamaged if same_owner else KeyMissing):
            opened(snapshot)


def test_wrapped_keys_swapped_between_users_do_not_open() -> None:
    one, other = ended(), ended()
    swap(UserKey.objects.get(owner=one.owner), UserKey.objects.get(owner=other.owner), "wrapped")
    for snapshot in (one, other):
        with pytest.raises(ContentDamaged):
            opened(snapshot)


def shift_batches(batches: list[JournalBatch]) -> None:
    JournalBatch.objects.filter(pk=batches[1].pk).delete()
    JournalBatch.objects.filter(pk=batches[2].pk).update(first_seq=4, last_seq=6)


def replay_batch(batches: list[JournalBatch]) -> None:
    JournalBatch.objects.filter(pk=batches[2].pk).update(sealed=batches[0].sealed)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda batches: swap(batches[0], batches[1], "sealed"),
        lambda batches: swap(batches[0], batches[3], "sealed"),  # of another session of the same user
        lambda batches: swap(batches[0], batches[4], "sealed"),  # of another user
        shift_batches,
        replay_batch,
    ],
    ids=["positions", "sessions", "users", "shifted", "replayed"],
)
def test_batches_that_were_moved_do_not_open(tamper: Callable[[list[JournalBatch]], None]) -> None:
    lease = begin()
    for _ in range(3):
        add(lease)
    add(begin(lease.session.owner))
    add(begin())
    tamper(list(JournalBatch.objects.order_by("id")))
    who = {"owner_id": lease.session.owner_id, "session_id": lease.session.pk}
    with pytest.raises(VaultUnavailable) as caught:
        read_history(**who, after=0, limit=500, now=timezone.now())
    assert caught.value.status == 409


def test_labels_of_an_earlier_revision_do_not_open() -> None:
    lease = begin()
    now = timezone.now()
    label_speakers(**whose(lease), changes={"Speaker A": {"name": "Zoë"}}, now=now)
    earlier = Session.objects.get(pk=lease.session.pk).labels
    label_speakers(**whose(lease), changes={"Speaker A": {"name": "Max"}}, now=now)
    Session.objects.update(labels=earlier)
    with pytest.raises(VaultUnavailable):
        reading.read_detail(owner_id=lease.session.owner_id, session_id=lease.session.pk, now=now)


@pytest.mark.parametrize(
    "changes",
    [{"event_count": 2}, {"event_count": 4}, {"event_count": 0}, {"labels_revision": 2}, {"annotations": b""}],
    ids=str,
)
def test_rows_that_say_something_else_are_damaged(changes: dict[str, Any]) -> None:
    snapshot = ended()
    Snapshot.objects.filter(pk=snapshot.pk).update(**changes)
    with pytest.raises(ContentDamaged):
        opened(snapshot)


def test_keyring_without_the_key_says_missing_and_changes_nothing(settings: Settings) -> None:
    snapshot = ended()
    before = everything()
    settings.SNAPSHOT_KEYRING = Keyring.generate().to_json()
    with pytest.raises(KeyMissing):
        opened(snapshot)
    with pytest.raises(VaultUnavailable) as caught:
        reading.export(owner_id=snapshot.owner_id, snapshot_id=snapshot.pk, now=timezone.now())
    assert caught.value.status == 503
    with pytest.raises(VaultUnavailable):
        begin(snapshot.owner)
    assert everything() == before
    settings.SNAPSHOT_KEYRING = ""
    assert opened(snapshot) == [{"seq": n, **event} for n, event in enumerate(EVENTS, 1)]


def test_destroyed_key_is_gone_for_good() -> None:
    snapshot, other = ended(), ended()
    assert destroy_session_keys(session_ids=[snapshot.session_id]) == 1
    assert destroy_session_keys(session_ids=[snapshot.session_id]) == 0
    with pytest.raises(KeyMissing):
        opened(snapshot)
    assert opened(other)


def test_verify_reports_what_does_not_open_and_goes_on() -> None:
    owner = UserFactory()
    good, damaged, keyless, last = (ended(owner) for _ in range(4))
    Snapshot.objects.filter(pk=damaged.pk).update(annotations=flip(damaged.annotations))
    destroy_session_keys(session_ids=[keyless.session_id])
    stranger = ended()
    before = everything()
    told = {result.snapshot_id: result.problem for result in verify_snapshots()}
    assert told == {
        good.pk: "",
        damaged.pk: "ContentDamaged: the snapshot does not open",
        keyless.pk: "KeyMissing: the session's key is not there",
        last.pk: "",
        stranger.pk: "",
    }
    assert {result.snapshot_id for result in verify_snapshots(owner_id=owner.pk)} == set(told) - {stranger.pk}
    assert everything() == before
