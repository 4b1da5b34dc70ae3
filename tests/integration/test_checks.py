"""The system checks: numbers within their ranges, and nothing to complain about in production settings."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.core.checks import Error, run_checks
from pytest_django import Settings

from sessions_app.checks import DAY_S, check_numbers
from snapshots.checks import check_retention


def told() -> list[tuple[str | None, str]]:
    """The id of each complaint, and the setting that it begins with."""
    found = [*check_numbers(), *check_retention()]
    assert all(isinstance(message, Error) and message.hint for message in found)
    return [(message.id, message.msg.split()[0]) for message in found]


def test_defaults_are_fine() -> None:
    assert told() == []


def test_checks_are_registered(settings: Settings) -> None:
    settings.SESSION_MAX_LIVE = 0
    settings.SNAPSHOT_RETENTION_DAYS = 0
    assert {"sessions_app.E001", "snapshots.E001"} <= {message.id for message in run_checks()}


@pytest.mark.parametrize(
    ("name", "low", "high", "ident"),
    [
        ("SESSION_IDLE_TTL_S", 1, DAY_S, "sessions_app.E001"),
        ("SESSION_PAID_TTL_S", 1, DAY_S, "sessions_app.E001"),
        ("SESSION_PRIVATE_TTL_S", 1, DAY_S, "sessions_app.E001"),
        ("SESSION_MAX_LIFETIME_S", 1, 7 * DAY_S, "sessions_app.E001"),
        ("SESSION_MAX_LIVE", 1, 1000, "sessions_app.E001"),
        ("SWEEP_INTERVAL_S", 1, 3600, "sessions_app.E001"),
        ("SNAPSHOT_RETENTION_DAYS", 1, 3650, "snapshots.E001"),
        ("SNAPSHOT_RETENTION_ENDED_DAYS", 1, 3650, "snapshots.E001"),
    ],
)
def test_number_outside_its_range_is_named(settings: Settings, name: str, low: int, high: int, ident: str) -> None:
    for wrong in (low - 1, high + 1, -5):
        setattr(settings, name, wrong)
        assert (ident, name) in told()
    for right in (low, high):
        setattr(settings, name, right)
        assert (ident, name) not in told()


@pytest.mark.parametrize("name", ["SESSION_IDLE_TTL_S", "SESSION_PAID_TTL_S", "SESSION_PRIVATE_TTL_S"])
def test_idle_timeout_longer_than_a_session_is_named(settings: Settings, name: str) -> None:
    setattr(settings, name, settings.SESSION_MAX_LIFETIME_S)
    assert told() == []
    setattr(settings, name, settings.SESSION_MAX_LIFETIME_S + 1)
    assert told() == [("sessions_app.E002", name)]


def check_deploy(tmp_path: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "CLOUD_MODE": "1",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "sessions.example.org",
        "CSRF_TRUSTED_ORIGINS": "https://sessions.example.org",
        "DATABASE_URL": "postgres://linnet@db.example.org:5432/linnet",
        "CELERY_BROKER_URL": "amqp://linnet@broker.example.org//",
        "LINNET_VAR": str(tmp_path),
        "LINNET_ENV_FILE": str(tmp_path / "no.env"),
        "SNAPSHOT_KEYRING_FILE": str(tmp_path / "keyring.json"),
        "LOG_FILE": "",
        **changes,
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=configured.BASE_DIR,
        env={name: value for name, value in environment.items() if value or name == "LOG_FILE"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_check_deploy_is_clean_in_production_settings(tmp_path: Path) -> None:
    done = check_deploy(tmp_path)
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n"), done.stderr


def test_check_fails_on_a_number_from_the_environment(tmp_path: Path) -> None:
    done = check_deploy(tmp_path, SESSION_PAID_TTL_S="0")
    assert done.returncode != 0
    assert "SESSION_PAID_TTL_S must be a whole number" in done.stderr


def test_service_without_a_secret_key_does_not_start(tmp_path: Path) -> None:
    done = check_deploy(tmp_path, SECRET_KEY="")
    assert done.returncode != 0
    assert "SECRET_KEY" in done.stderr
