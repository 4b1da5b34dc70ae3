"""What operators type: each command does its work, says what it did, and refuses what it can't read."""

import json
import stat
from contextlib import closing
from datetime import timedelta
from io import StringIO
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone
from knox.models import AuthToken

from sessions_app.models import Session
from snapshots.crypto import Keyring
from snapshots.models import KeyCanary, SessionKey, Snapshot
from snapshots.services import keyring as keyring_service
from tests.flows import age
from tests.integration.conftest import Api


def run(*arguments: str) -> str:
    """What the command printed on standard output."""
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def expire(receipt: dict[str, Any]) -> None:
    """Let the snapshot's time be over."""
    long_ago = timezone.now() - timedelta(days=40)
    Snapshot.objects.filter(pk=receipt["snapshot"]["id"]).update(
        created_at=long_ago, expires_at=timezone.now() - timedelta(days=1)
    )


def overdue(session: str) -> None:
    age(Session.objects.get(pk=session))


def test_bootstrap_makes_users_once_and_prints_their_secrets_once(db: None) -> None:
    first = run("bootstrap")
    assert all(f"  {name} (" in first for name in ("support", "demo", "demo-free"))
    assert first.count("password ") == 3
    assert first.count("lna_") == 2
    passwords = dict(User.objects.values_list("username", "password"))

    second = run("bootstrap")
    assert "password" not in second
    assert "lna_" not in second
    assert dict(User.objects.values_list("username", "password")) == passwords
    assert AuthToken.objects.count() == 2
    assert KeyCanary.objects.count() == 1


def test_bootstrap_gives_support_no_more_than_support_needs(db: None) -> None:
    run("bootstrap")
    support = User.objects.get(username="support")
    assert support.is_staff
    assert not support.is_superuser
    assert not support.has_perm("snapshots.change_snapshot")
    assert support.has_perm("sessions_app.end_session")


@pytest.mark.parametrize("port", ["abc", "", "0", "65536", "8_000", "-1", "٣٣٣٣"])
def test_bootstrap_for_a_port_that_is_none_makes_nothing(db: None, port: str) -> None:
    with pytest.raises(CommandError, match=r"^PORT must be a number from 1 to 65535\. .* PORT=9000 make run$"):
        run("bootstrap", f"--port={port}")
    assert not User.objects.exists()


def test_bootstrap_for_a_taken_port_says_so_and_makes_nothing(db: None) -> None:
    with closing(socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        with pytest.raises(CommandError, match=rf"^Port {port} is taken\. Choose another: PORT=9000 make run$"):
            run("bootstrap", f"--port={port}")
    assert not User.objects.exists()
    assert f"http://127.0.0.1:{port}/panel/" in run("bootstrap", f"--port={port}")


def test_issue_token_prints_a_working_token_and_nothing_else(paid: Api) -> None:
    printed = run("issue_token", paid.user.username)
    assert printed.startswith("lna_")
    assert printed.count("\n") == 1
    assert Api(paid.user, printed.strip()).get("settings/").status_code == 200


@pytest.mark.parametrize("options", [[], ["--revoke"]])
def test_issue_token_of_nobody_is_refused(db: None, options: list[str]) -> None:
    with pytest.raises(CommandError, match="no user named 'nobody'"):
        run("issue_token", "nobody", *options)


def test_issue_token_revokes_all_of_a_user_and_nobody_elses(paid: Api, other: Api) -> None:
    second = Api(paid.user, run("issue_token", paid.user.username).strip())
    assert run("issue_token", paid.user.username, "--revoke") == f"Revoked 2 API tokens of {paid.user.username!r}.\n"
    assert [api.get("settings/").status_code for api in (paid, second, other)] == [401, 401, 200]
    assert run("issue_token", paid.user.username, "--revoke") == f"Revoked 0 API tokens of {paid.user.username!r}.\n"


def test_sweep_dry_run_tells_and_changes_nothing(paid: Api) -> None:
    session, lease = paid.start(topic="call-7")
    paid.append(session, lease)
    overdue(session)
    told = run("sweep", "--dry-run")
    assert f"{session}  pinned  idle since" in told
    assert "3 events  → snapshot" in told
    assert "1 would be closed" in told
    assert Session.objects.get().state == "active"


def test_sweep_closes_and_counts(paid: Api) -> None:
    session, lease = paid.start()
    paid.append(session, lease)
    overdue(session)
    assert run("sweep").startswith("Closed 1, put off 0")
    assert Snapshot.objects.get().event_count == 3
    assert run("sweep").startswith("Closed 0")


def test_purge_takes_only_what_is_past_its_time(paid: Api) -> None:
    gone, kept = paid.closed(), paid.closed()
    expire(gone)
    told = run("purge_snapshots", "--dry-run")
    assert gone["snapshot"]["id"] in told
    assert "1 would be purged" in told
    assert Snapshot.objects.count() == 2

    assert run("purge_snapshots").startswith("Purged 1.\n1 that match are still within their time")
    assert str(Snapshot.objects.get().pk) == kept["snapshot"]["id"]
    assert not SessionKey.objects.filter(session_id=gone["session"]).exists()
    assert Session.objects.get(pk=gone["session"]).snapshot_removed_because == "expired"
    assert "the time for keeping it was over" in paid.get(f"sessions/{gone['session']}/receipt/").json()["kept_because"]


@pytest.mark.parametrize("age", ["0d", "1d"])
def test_purge_never_reaches_what_is_within_its_time(paid: Api, age: str) -> None:
    receipt = paid.closed()
    Snapshot.objects.update(created_at=timezone.now() - timedelta(days=3))
    assert run("purge_snapshots", "--older-than", age).startswith("Purged 0.\n1 that match")
    assert str(Snapshot.objects.get().pk) == receipt["snapshot"]["id"]


def test_purge_filters_narrow(paid: Api, other: Api) -> None:
    mine, theirs = paid.closed(), other.closed()
    expire(mine)
    expire(theirs)
    assert run("purge_snapshots", "--user", paid.user.username, "--older-than", "60d").startswith("Purged 0")
    assert run("purge_snapshots", "--user", paid.user.username, "--older-than", "30d").startswith("Purged 1")
    assert str(Snapshot.objects.get().pk) == theirs["snapshot"]["id"]


@pytest.mark.parametrize("age", ["", "30", "-1d", "1.5d", "d", "9999999d", "1y"])
def test_purge_refuses_an_age_it_cannot_read(db: None, age: str) -> None:
    with pytest.raises(CommandError, match="whole number and d, h or m"):
        run("purge_snapshots", f"--older-than={age}")


def test_purge_of_nobody_is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="no user named 'nobody'"):
        run("purge_snapshots", "--user", "nobody")


def test_verify_names_what_does_not_open_and_goes_on(paid: Api) -> None:
    damaged, _whole = paid.closed(), paid.closed()
    assert run("verify_snapshots") == "All 2 snapshots open.\n"
    snapshot = Snapshot.objects.get(pk=damaged["snapshot"]["id"])
    snapshot.annotations = bytes(snapshot.annotations)[:-1] + b"\x00"
    snapshot.save()
    out = StringIO()
    with pytest.raises(CommandError, match="1 of 2 snapshots do not open"):
        call_command("verify_snapshots", "--user", paid.user.username, stdout=out)
    assert out.getvalue().startswith(damaged["snapshot"]["id"])
    assert Snapshot.objects.count() == 2


def test_verify_without_a_keyring_says_how_to_get_one(paid: Api, ring_file: Path) -> None:
    with pytest.raises(CommandError, match=r"is missing; .*, or, .* `.* generate_snapshot_key`"):
        run("verify_snapshots")


@pytest.fixture
def ring_file(settings: Any, tmp_path: Path) -> Path:
    """Where the keyring would be; nothing is there yet."""
    keyring_service._load.cache_clear()
    settings.SNAPSHOT_KEYRING_FILE = str(tmp_path / "keyring.json")
    return tmp_path / "keyring.json"


def test_generate_key_makes_a_keyring_that_only_its_owner_reads(db: None, ring_file: Path) -> None:
    key_id = run("generate_snapshot_key").strip()
    ring = Keyring.parse(ring_file.read_text(), source="test")
    assert str(ring.primary) == key_id
    assert stat.S_IMODE(ring_file.stat().st_mode) == 0o600


def test_generate_key_adds_one_that_only_opens_until_it_is_made_primary(db: None, ring_file: Path) -> None:
    first = run("generate_snapshot_key").strip()
    second = run("generate_snapshot_key").strip()
    keyring_service._load.cache_clear()
    third = run("generate_snapshot_key", "--primary").strip()
    ring = Keyring.parse(ring_file.read_text(), source="test")
    assert {str(key) for key in ring.ids} == {first, second, third}
    assert str(ring.primary) == third


def test_generate_key_prints_a_keyring_for_a_secret_store(db: None, ring_file: Path) -> None:
    run("generate_snapshot_key")
    before = ring_file.read_text()
    printed = run("generate_snapshot_key", "--print")
    assert len(json.loads(printed)["keys"]) == 2
    assert ring_file.read_text() == before


def test_generate_key_prints_a_first_keyring(db: None, ring_file: Path) -> None:
    assert len(json.loads(run("generate_snapshot_key", "--print"))["keys"]) == 1
    assert not ring_file.exists()


def test_generate_key_never_replaces_a_lost_keyring(paid: Api, settings: Any, tmp_path: Path) -> None:
    paid.closed()
    settings.SNAPSHOT_KEYRING_FILE = str(tmp_path / "keyring.json")
    with pytest.raises(CommandError, match="holds content that only it opens; restore it"):
        run("generate_snapshot_key")
    assert not (tmp_path / "keyring.json").exists()
