"""Commands as an operator meets them before an installation is there, and while its database is away."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import Stack, free_port

pytestmark = pytest.mark.e2e


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Stack]:
    """An installation with an empty database, and nothing else yet."""
    stack = Stack(tmp_path)
    try:
        stack.stored.create()
        yield stack
    finally:
        stack.stop()


def test_keyring_is_made_before_the_tables_are(fresh: Stack) -> None:
    key_id = fresh.manage("generate_snapshot_key").stdout.strip()
    assert json.loads((fresh.var / "keyring.json").read_text())["primary"] == key_id
    fresh.manage("migrate", "--no-input")
    assert fresh.manage("verify_snapshots").stdout == "All 0 snapshots open.\n"
    assert fresh.stored.rows("SELECT name FROM auth_group") == [("Support",)]


def test_keyring_is_printed_without_a_database(fresh: Stack) -> None:
    fresh.environment["DATABASE_URL"] = f"postgres://127.0.0.1:{free_port()}/nowhere"
    printed = json.loads(fresh.manage("generate_snapshot_key", "--print").stdout)
    assert [key["id"] for key in printed["keys"]] == [printed["primary"]]
    assert not (fresh.var / "keyring.json").exists()


def test_first_run_makes_what_is_missing_and_a_second_changes_nothing(fresh: Stack, tmp_path: Path) -> None:
    del fresh.environment["SECRET_KEY"]
    made = [tmp_path / "no.env", fresh.var / "keyring.json"]
    assert "New users." in fresh.manage("bootstrap").stdout
    contents = [file.read_bytes() for file in made]
    assert [stat.S_IMODE(file.stat().st_mode) for file in made] == [0o600, 0o600]
    assert "New users." not in fresh.manage("bootstrap").stdout
    assert [file.read_bytes() for file in made] == contents


@pytest.mark.parametrize("before", ["PORT=8140\n", "# mine\nSECRET_KEY=\nPORT=8140\n", "export SECRET_KEY=set-by-hand"])
def test_first_run_gives_the_env_file_a_key_if_it_has_none(fresh: Stack, tmp_path: Path, before: str) -> None:
    del fresh.environment["SECRET_KEY"]
    file = tmp_path / "no.env"
    file.write_text(before)
    lines = []
    for _ in range(2):
        fresh.launch("prepare", "-c", "from linnet_sessions.firstrun import prepare; prepare()")
        assert fresh.ended("prepare") == 0, fresh.tail("prepare")
        lines.append(file.read_text().splitlines())
    assert lines[0] == lines[1]
    assert {line for line in before.splitlines() if line != "SECRET_KEY="} <= set(lines[0])
    assert len([line for line in lines[0] if "SECRET_KEY=" in line]) == 1
    if "set-by-hand" not in before:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


AWAY = {
    "sweep": [],
    "purge_snapshots": [],
    "verify_snapshots": [],
    "issue_token": ["demo"],
    "migrate": [],
    "bootstrap": [],
    "generate_snapshot_key": [],
}


@pytest.mark.parametrize("command", AWAY)
def test_command_without_a_database_says_so_in_one_sentence(fresh: Stack, command: str) -> None:
    port = free_port()
    fresh.environment["DATABASE_URL"] = f"postgres://linnet:the-password@127.0.0.1:{port}/nowhere?sslmode=disable"
    done = fresh.manage(command, *AWAY[command], code=1)
    assert done.stderr == (
        f"The database can't be reached at postgres://linnet@127.0.0.1:{port}/nowhere (OperationalError): "
        "check DATABASE_URL, and that the database's server runs.\n"
    )
    assert done.stdout == ""


def test_database_file_that_can_not_be_opened_is_named(fresh: Stack) -> None:
    file = fresh.var / "missing" / "db.sqlite3"
    fresh.environment["DATABASE_URL"] = f"sqlite:///{file}"
    assert f"at sqlite:///{file} (OperationalError)" in fresh.manage("sweep", code=1).stderr


@pytest.mark.parametrize("command", ["sweep", "issue_token"])
def test_database_without_tables_is_told_in_one_sentence(fresh: Stack, command: str) -> None:
    done = fresh.manage(command, *AWAY[command], code=1)
    assert "has no tables of this service yet: check LINNET_VAR and DATABASE_URL" in done.stderr
    assert done.stderr.count("\n") == 1


def test_other_fault_of_the_database_keeps_its_traceback(fresh: Stack) -> None:
    fresh.manage("migrate", "--no-input")
    fresh.manage("migrate", "sessions_app", "zero", "--no-input")
    told = fresh.manage("sweep", code=1).stderr
    assert told.splitlines()[0].startswith("Traceback")
    assert "can't be reached" not in told
