"""Connections: as many as a web process has threads that use the database, so that none waits for one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as configured
from pytest_django import Settings

from sessions_app.checks import LIVE_THREADS, check_pool

#: What a process that starts with these variables has.
MAX_SIZE = "from linnet_sessions.settings import DATABASES; print(DATABASES['default']['OPTIONS']['pool']['max_size'])"


def pool_of(folder: Path, **environment: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", MAX_SIZE],
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
    return int(done.stdout)


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
