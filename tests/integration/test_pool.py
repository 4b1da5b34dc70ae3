"""Connections: as many as a web process has threads that use the database, so that none waits for one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from pytest_django import Settings

from sessions_app.checks import LIVE_THREADS, check_pool

PRINT = "import json; from linnet_sessions.settings import DATABASES; print(json.dumps(DATABASES['default']))"


def database_of(folder: Path, **environment: str) -> Any:
    """What a process that starts with these variables knows of its database."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT],
        cwd=configured.BASE_DIR,
        env={
            "PATH": os.environ["PATH"],
            "SECRET_KEY": "x" * 50,
            "LINNET_ENV_FILE": str(folder / "no.env"),
            "LINNET_VAR": str(folder),
            "DATABASE_URL": "postgres://linnet@db.example.org:5432/linnet",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def pool_of(folder: Path, **environment: str) -> int:
    size: int = database_of(folder, **environment)["OPTIONS"]["pool"]["max_size"]
    return size


def test_pool_grows_with_the_threads(tmp_path: Path) -> None:
    assert pool_of(tmp_path) == 16 + LIVE_THREADS
    assert pool_of(tmp_path, WEB_THREADS="40") == 40 + LIVE_THREADS
    assert pool_of(tmp_path, WEB_THREADS="40", DATABASE_POOL_MAX="5") == 5


@pytest.mark.parametrize(
    ("threads", "pool", "complaints"),
    [
        (16, {"max_size": 16 + LIVE_THREADS}, 0),
        (16, {"max_size": 15 + LIVE_THREADS}, 1),
        (17, {"max_size": 16 + LIVE_THREADS}, 1),
        (16, None, 0),
    ],
)
def test_pool_with_less_than_the_threads_is_told(
    threads: int, pool: object, complaints: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEB_THREADS = threads
    monkeypatch.setitem(settings.DATABASES["default"].setdefault("OPTIONS", {}), "pool", pool)
    assert [message.id for message in check_pool()] == ["sessions_app.W002"] * complaints


@pytest.mark.parametrize(("threshold", "lasting"), [("5", True), ("0", False)])
def test_nothing_outlasts_a_transaction_for_a_pooler_between(tmp_path: Path, threshold: str, lasting: bool) -> None:
    database = database_of(tmp_path, DATABASE_PREPARE_THRESHOLD=threshold)
    assert (database["OPTIONS"]["prepare_threshold"] is not None) == lasting
    assert database["DISABLE_SERVER_SIDE_CURSORS"] is not lasting
