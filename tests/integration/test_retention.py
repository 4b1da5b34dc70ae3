"""Keeping, shortening, deleting and bringing back snapshots; and snapshots that are damaged or locked."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from sessions_app.models import ResumedSnapshot, Session
from snapshots.models import SessionKey, Snapshot, UserKey
from tests.integration.conftest import Api, make_overdue, moment, nothing_written, problem


@pytest.fixture
def kept(paid: Api) -> str:
    """A snapshot of the Paid+ user."""
    snapshot: str = paid.closed()["snapshot"]["id"]
    return snapshot


def expire(snapshot: str) -> None:
    """Let its retention pass, without a purge having been by."""
    now = timezone.now()
    Snapshot.objects.filter(pk=snapshot).update(created_at=now - timedelta(days=15), expires_at=now)


def damage(snapshot: str, column: str = "annotations") -> None:
    """Flip the last bit of a sealed record."""
    row = Snapshot.objects.get(pk=snapshot)
    sealed = bytearray(bytes(getattr(row, column)))
    sealed[-1] ^= 1
    Snapshot.objects.filter(pk=snapshot).update(**{column: bytes(sealed)})


def test_retention_can_be_shortened_only(kept: str, paid: Api) -> None:
    end = Snapshot.objects.get().expires_at
    assert end is not None
    bad = ["2020-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", timezone.now().isoformat()]
    for wished in [*bad, (end + timedelta(microseconds=1)).isoformat()]:
        with nothing_written():
            document = problem(
                paid.patch(f"snapshots/{kept}/", {"expires_at": wished}), 422, "E-REQUEST-004", "expires_at"
            )
        assert document["errors"][0]["code"] == "retention"
    sooner = end - timedelta(days=3)
    assert moment(paid.patch(f"snapshots/{kept}/", {"expires_at": sooner.isoformat()}).json()["expires_at"]) == sooner


@pytest.mark.parametrize("wished", ["2026-11-20T10:00:00", "2026-11-20", "9999-12-31T23:59:59-23:59", "never", ""])
def test_end_that_is_no_moment_is_refused(wished: str, kept: str, paid: Api) -> None:
    with nothing_written():
        problem(paid.patch(f"snapshots/{kept}/", {"expires_at": wished}), 422, "E-REQUEST-004", "expires_at")


def test_kept_snapshot_has_no_end_until_it_is_let_go(kept: str, paid: Api) -> None:
    document = paid.patch(f"snapshots/{kept}/", {"keep": True}).json()
    assert (document["kept"], document["expires_at"]) == (True, None)
    again = paid.patch(f"snapshots/{kept}/", {"keep": False}).json()
    assert again["kept"] is False
    assert moment(again["expires_at"]) > timezone.now()
    with nothing_written():
        assert paid.patch(f"snapshots/{kept}/", {"keep": False}).json() == again


def test_ended_session_is_kept_shorter_than_an_idle_one(paid: Api) -> None:
    ended = moment(paid.closed()["snapshot"]["expires_at"])
    session, _ = paid.start()
    make_overdue(session)
    idle = moment(paid.post(f"sessions/{session}/end/").json()["snapshot"]["expires_at"])
    assert timedelta(days=13) < ended - datetime.now(UTC) <= timedelta(days=14)
    assert timedelta(days=29) < idle - datetime.now(UTC) <= timedelta(days=30)
    assert paid.patch("settings/", {"retention_days": 2}).status_code == 200
    assert moment(paid.closed()["snapshot"]["expires_at"]) - datetime.now(UTC) <= timedelta(days=2)


def test_deleted_snapshot_takes_its_key_with_it(kept: str, paid: Api) -> None:
    session = str(Snapshot.objects.get().session_id)
    assert paid.delete(f"snapshots/{kept}/").status_code == 204
    assert not Snapshot.objects.exists()
    assert not SessionKey.objects.exists()
    assert UserKey.objects.get().stored_bytes == 0
    problem(paid.delete(f"snapshots/{kept}/"), 404, "E-VAULT-002")
    receipt = paid.get(f"sessions/{session}/receipt/").json()
    assert receipt["snapshot"] is None
    assert "you deleted it" in receipt["kept_because"]
    late = problem(paid.post(f"sessions/{session}/attach/"), 410, "E-SESSION-001")
    assert late["snapshot"] is None


CALLS: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("GET", "content/", None),
    ("PATCH", "", {"keep": True}),
    ("DELETE", "", None),
    ("POST", "import/", {}),
]


@pytest.mark.parametrize("gone", ["expired", "deleted", "session deleted", "unknown", "foreign"])
def test_snapshot_that_is_gone_answers_like_one_that_never_was(gone: str, kept: str, paid: Api, other: Api) -> None:
    unknown = uuid.uuid4()
    target: Any = kept
    match gone:
        case "expired":
            expire(kept)
        case "deleted":
            paid.delete(f"snapshots/{kept}/")
        case "session deleted":
            paid.delete(f"sessions/{Snapshot.objects.get().session_id}/")
        case "unknown":
            target = uuid.uuid4()
        case "foreign":
            target = other.closed()["snapshot"]["id"]
    for method, tail, body in CALLS:
        with nothing_written():
            answer = paid.call(method, f"snapshots/{target}/{tail}", body)
            reference = paid.call(method, f"snapshots/{unknown}/{tail}", body)
        problem(answer, 404, "E-VAULT-002")
        assert (answer.content, answer.headers) == (reference.content, reference.headers)


def test_import_into_a_live_session_that_wants_a_gone_snapshot_changes_nothing(kept: str, paid: Api) -> None:
    session, lease = paid.start()
    expire(kept)
    for snapshot in [kept, str(uuid.uuid4()), "x"]:
        with nothing_written():
            answer = paid.post(f"snapshots/{snapshot}/import/", {"into": session}, lease=lease)
            problem(answer, 404, "E-VAULT-002")


def test_import_links_and_copies_nothing(kept: str, paid: Api) -> None:
    session, lease = paid.start()
    paid.append(session, lease)
    first = paid.post(f"snapshots/{kept}/import/", {"into": session}, lease=lease)
    assert first.status_code == 201
    assert first.json()["lease"]["token"] is None
    link = first.json()["resumed_from"]
    assert (link["events"], link["after_seq"]) == (3, 3)
    again = paid.post(f"snapshots/{kept}/import/", {"into": session}, lease=lease)
    assert again.json()["resumed_from"] == link
    assert ResumedSnapshot.objects.count() == 1
    receipt = paid.post(f"sessions/{session}/end/", lease=lease).json()
    assert receipt["events"] == 3


def test_import_starts_with_what_is_chosen_now_over_what_was(paid: Api) -> None:
    snapshot = paid.closed(elcor=True, window_ms=500)["snapshot"]["id"]
    started = paid.post(f"snapshots/{snapshot}/import/", {"window_ms": 700, "policy": "private"}).json()
    assert started["settings"] == {"elcor": True, "window_ms": 700}
    assert started["policy"] == "private"


@pytest.mark.parametrize("column", ["annotations", "labels"])
def test_damaged_snapshot_is_told_and_stays(column: str, kept: str, paid: Api) -> None:
    damage(kept, column)
    session, lease = paid.start()
    with nothing_written():
        problem(paid.get(f"snapshots/{kept}/content/"), 409, "E-VAULT-001")
        problem(paid.post(f"snapshots/{kept}/import/", {}), 409, "E-VAULT-001")
        problem(paid.post(f"snapshots/{kept}/import/", {"into": session}, lease=lease), 409, "E-VAULT-001")
        # What needs no key still answers, and says no more than is known.
        assert paid.get(f"snapshots/{kept}/").status_code == 200
        receipt = paid.get(f"sessions/{Snapshot.objects.get().session_id}/receipt/").json()
    assert receipt["withheld"] is None
    assert receipt["snapshot"]["id"] == kept
    assert paid.delete(f"snapshots/{kept}/").status_code == 204


def test_snapshots_swapped_between_sessions_do_not_open(paid: Api) -> None:
    first, second = (paid.closed()["snapshot"]["id"] for _ in range(2))
    rows = {str(row.pk): row for row in Snapshot.objects.all()}
    Snapshot.objects.filter(pk=first).update(annotations=bytes(rows[second].annotations))
    problem(paid.get(f"snapshots/{first}/content/"), 409, "E-VAULT-001")
    assert paid.get(f"snapshots/{second}/content/").status_code == 200


def test_snapshot_given_to_another_owner_does_not_open(kept: str, paid: Api, other: Api) -> None:
    other.closed()
    Snapshot.objects.filter(pk=kept).update(owner=other.user)
    SessionKey.objects.filter(session_id=Snapshot.objects.get(pk=kept).session_id).update(
        user_key=UserKey.objects.get(owner=other.user)
    )
    problem(other.get(f"snapshots/{kept}/content/"), 503, "E-VAULT-001")


def test_missing_key_is_told_as_temporary_and_nothing_is_deleted(kept: str, paid: Api) -> None:
    row = SessionKey.objects.get()
    SessionKey.objects.all().delete()
    with nothing_written():
        for answer in [paid.get(f"snapshots/{kept}/content/"), paid.post(f"snapshots/{kept}/import/", {})]:
            problem(answer, 503, "E-VAULT-001")
            assert int(answer["Retry-After"]) > 0
    row.save(force_insert=True)
    assert paid.get(f"snapshots/{kept}/content/").status_code == 200


@pytest.mark.parametrize(
    ("method", "tail", "body"),
    [
        ("POST", "events/", {"events": [{"event_type": "tone", "label": "x", "timestamp": 1}]}),
        ("GET", "events/", None),
        ("PATCH", "speakers/", {"speakers": {"Speaker A": {"name": "Zoë"}}}),
        ("POST", "end/", None),
        ("GET", "", None),
    ],
)
def test_live_session_without_its_key_waits_for_it(method: str, tail: str, body: Any, paid: Api) -> None:
    session, lease = paid.start()
    paid.append(session, lease)
    paid.patch(f"sessions/{session}/speakers/", {"speakers": {"Speaker B": {"name": "Ada"}}}, lease=lease)
    row = SessionKey.objects.get()
    SessionKey.objects.all().delete()
    with nothing_written():
        answer = paid.call(method, f"sessions/{session}/{tail}", body, lease=lease)
    problem(answer, 503, "E-VAULT-001")
    assert int(answer["Retry-After"]) > 0
    row.save(force_insert=True)
    assert Session.objects.get().state == "active"
    assert paid.post(f"sessions/{session}/end/", lease=lease).json()["events"] == 3


def test_export_is_private_to_the_browser_and_named_for_its_session(kept: str, paid: Api) -> None:
    answer = paid.get(f"snapshots/{kept}/content/?as=json")
    session = Snapshot.objects.get().session_id
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Disposition"] == f'attachment; filename="linnet-session-{session}.json"'
