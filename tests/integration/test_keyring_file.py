"""The keyring file: made once, whatever starts at once; replaced whole; safe on the disk."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as configured

from snapshots.crypto import Keyring
from snapshots.services import keyring as service

#: Processes that are forked from one, so that they arrive together.
FIRST_RUNS = """
import multiprocessing, sys
from unittest.mock import patch
import django
django.setup()
from snapshots.services.keyring import create_keyring_file, keyring

def first_run(barrier, told):
    barrier.wait(20)
    with patch("snapshots.services.keyring.UserKey") as users:
        users.objects.exists.return_value = False
        made = create_keyring_file()
    told.put((made, str(keyring().primary)))

fork = multiprocessing.get_context("fork")
barrier, told = fork.Barrier(8), fork.Queue()
runs = [fork.Process(target=first_run, args=(barrier, told)) for _ in range(8)]
for run in runs:
    run.start()
for run in runs:
    print(*told.get(timeout=10))
for run in runs:
    run.join(20)
"""


def first_runs_at_once(folder: Path) -> list[tuple[str, str]]:
    """Of each: whether it made the keyring, and the key that it seals under from then on."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_RUNS],
        cwd=configured.BASE_DIR,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "linnet_sessions.settings",
            "SECRET_KEY": "x" * 50,
            "LINNET_ENV_FILE": str(folder / "no.env"),
            "LINNET_VAR": str(folder),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [(made, key) for made, key in (line.split() for line in done.stdout.splitlines())]


@pytest.mark.parametrize("round_", range(3))
def test_first_runs_at_once_all_seal_under_the_same_key(tmp_path: Path, round_: int) -> None:
    told = first_runs_at_once(tmp_path)
    file = tmp_path / "keyring.json"
    assert sorted(made for made, _ in told) == ["False"] * 7 + ["True"]
    assert {key for _, key in told} == {json.loads(file.read_text())["primary"]}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if "keyring" in path.name] == ["keyring.json"]


def test_keyring_that_can_not_be_written_leaves_the_old_one_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keyring.json"
    old = Keyring.generate()
    service.replace_keyring_file(file, old)

    def full(_descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        service.replace_keyring_file(file, old.with_new_key(make_primary=True))
    assert file.read_text() == old.to_json()
    assert list(tmp_path.iterdir()) == [file]


def test_file_and_its_name_are_on_the_disk_before_anything_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def note(descriptor: int) -> None:
        synced.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    service.replace_keyring_file(tmp_path / "keyring.json", Keyring.generate())
    assert synced == ["file", "folder"]
