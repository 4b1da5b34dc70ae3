"""A wrong or missing keyring is told at start, in one sentence, before anybody needs it."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from snapshots.crypto import Keyring
from snapshots.models import KeyCanary, UserKey
from snapshots.services import readiness
from snapshots.services.keyring import keyring
from snapshots.services.readiness import exit_unless_ready, problem_at_start
from tests.flows import begin

pytestmark = pytest.mark.django_db


def with_ring(settings: Settings, document: Any) -> None:
    settings.SNAPSHOT_KEYRING = document if isinstance(document, str) else json.dumps(document)


@pytest.fixture
def ring() -> dict[str, Any]:
    """The present keyring's own JSON, to be changed."""
    document: dict[str, Any] = json.loads(keyring().to_json())
    return document


def start() -> None:
    exit_unless_ready(now=timezone.now())


def test_good_keyring_starts_and_leaves_one_canary_a_key() -> None:
    start()
    canary = KeyCanary.objects.get()
    assert canary.key_id == keyring().primary
    start()
    assert KeyCanary.objects.get().wrapped == canary.wrapped
    assert problem_at_start() == ""


def test_key_that_is_added_gets_a_canary_of_its_own(settings: Settings) -> None:
    start()
    with_ring(settings, keyring().with_new_key(make_primary=False).to_json())
    start()
    assert set(KeyCanary.objects.values_list("key_id", flat=True)) == keyring().ids
    assert KeyCanary.objects.count() == 2


def test_new_primary_needs_the_old_key_while_users_keys_are_under_it(settings: Settings, ring: dict[str, Any]) -> None:
    begin()
    start()
    both = json.loads(keyring().with_new_key(make_primary=True).to_json())
    with_ring(settings, both)
    start()
    with_ring(settings, {**both, "keys": [key for key in both["keys"] if key["id"] == both["primary"]]})
    assert problem_at_start() == (
        f"The keyring lacks key {ring['primary']}, under which users' keys are sealed: restore the keyring that has it."
    )
    with pytest.raises(SystemExit, match="did not start"):
        start()


def test_users_are_not_looked_at_one_by_one(settings: Settings) -> None:
    for _ in range(3):
        begin()
        with_ring(settings, keyring().with_new_key(make_primary=True).to_json())
        begin()
    start()
    with CaptureQueriesContext(connection) as queries:
        assert problem_at_start() == ""
    # The canaries, the four keys in use, and that there is no fifth.
    assert len(queries) == 1 + 4 + 1
    assert all("LIMIT 1" in query["sql"] and "DISTINCT" not in query["sql"] for query in queries.captured_queries[1:])


def test_another_secret_under_the_same_id_is_found(settings: Settings, ring: dict[str, Any]) -> None:
    start()
    ring["keys"][0]["key"] = json.loads(Keyring.generate().to_json())["keys"][0]["key"]
    with_ring(settings, ring)
    problem = problem_at_start()
    assert problem.startswith(f"Key {ring['primary']} of the keyring is not the key that this database was sealed")
    with pytest.raises(SystemExit):
        start()


def test_another_deployment_is_found(settings: Settings, ring: dict[str, Any]) -> None:
    start()
    with_ring(settings, {**ring, "deployment": str(uuid.uuid4())})
    assert "the keyring's deployment was changed" in problem_at_start()


def test_damaged_canary_is_found() -> None:
    start()
    KeyCanary.objects.update(wrapped=b"damaged")
    assert "is not the key that this database was sealed with" in problem_at_start()


def without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {member: value for member, value in document.items() if member != name}


FAULTS = {
    "not JSON": lambda ring: "{",
    "a list": lambda ring: [],
    "no deployment": lambda ring: without(ring, "deployment"),
    "no keys": lambda ring: {**ring, "keys": []},
    "unknown primary": lambda ring: {**ring, "primary": str(uuid.uuid4())},
    "short key": lambda ring: {**ring, "keys": [{**ring["keys"][0], "key": "AAECAwQFBgcICQoLDA0ODw=="}]},
    "key twice": lambda ring: {**ring, "keys": ring["keys"] * 2},
    "same secret twice": lambda ring: {
        **ring,
        "keys": [*ring["keys"], {"id": str(uuid.uuid4()), "key": ring["keys"][0]["key"]}],
    },
}


@pytest.mark.parametrize("fault", FAULTS)
def test_keyring_with_a_fault_is_one_sentence_without_secrets(
    fault: str, settings: Settings, ring: dict[str, Any]
) -> None:
    secret = ring["keys"][0]["key"].rstrip("=")
    with_ring(settings, FAULTS[fault](ring))
    problem = problem_at_start()
    assert problem.startswith("SNAPSHOT_KEYRING: ")
    assert problem.endswith(".")
    assert "\n" not in problem
    assert secret not in problem
    with pytest.raises(SystemExit, match="did not start"):
        start()
    assert not KeyCanary.objects.exists()


def test_missing_file_says_what_to_do(settings: Settings, tmp_path: Path) -> None:
    settings.SNAPSHOT_KEYRING_FILE = str(tmp_path / "nowhere.json")
    assert "the keyring file is missing; restore it from its backup" in problem_at_start()


def test_file_that_can_not_be_read_says_so(settings: Settings, tmp_path: Path) -> None:
    settings.SNAPSHOT_KEYRING_FILE = str(tmp_path)  # a folder
    assert "can't be read (IsADirectoryError)" in problem_at_start()
    binary = tmp_path / "keyring.json"
    binary.write_bytes(b"\xff\xfe")
    settings.SNAPSHOT_KEYRING_FILE = str(binary)
    assert "can't be read (UnicodeDecodeError)" in problem_at_start()


def test_database_that_does_not_answer_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_ring: Keyring) -> str:
        raise DatabaseError("with an address in its words")

    monkeypatch.setattr(readiness, "_problem", fail)
    problem = problem_at_start()
    assert "check DATABASE_URL" in problem
    assert "address" not in problem


def test_users_keys_are_sealed_under_the_primary(settings: Settings) -> None:
    begin()
    old = keyring().primary
    with_ring(settings, keyring().with_new_key(make_primary=True).to_json())
    begin()
    assert set(UserKey.objects.values_list("kek_id", flat=True)) == {old, keyring().primary}
