"""What stops a process before it works, and that nothing does in production settings."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as configured

from snapshots.crypto import Keyring


def run_in_production(folder: Path, *command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """This command of Python's, in an installation as production has it, on a database that does not answer."""
    keyring = folder / "keyring.json"
    keyring.write_text(Keyring.generate().to_json())
    environment = {
        "PATH": os.environ["PATH"],
        "CLOUD_MODE": "1",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "sessions.example.org",
        "CSRF_TRUSTED_ORIGINS": "https://sessions.example.org",
        "DATABASE_URL": "postgres://linnet:hush@127.0.0.1:1/linnet",
        "CELERY_BROKER_URL": "amqp://linnet@broker.example.org//",
        "LINNET_VAR": str(folder),
        "LINNET_ENV_FILE": str(folder / "no.env"),
        "SNAPSHOT_KEYRING_FILE": str(keyring),
        "LOG_FILE": "",
        **changes,
    }
    return subprocess.run(
        [sys.executable, *command],
        cwd=configured.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def check_deploy(folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    command = ["-W", "error", "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return run_in_production(folder, *command, **changes)


def test_check_deploy_is_clean_in_production_settings(tmp_path: Path) -> None:
    done = check_deploy(tmp_path)
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n"), done.stderr


def test_check_deploy_misses_the_keyring(tmp_path: Path) -> None:
    done = check_deploy(tmp_path, SNAPSHOT_KEYRING_FILE=str(tmp_path / "none.json"))
    assert done.returncode == 1
    assert "the keyring file is missing" in done.stderr


#: Each way in, up to where it would begin to work.
PROCESSES = {
    "web": ["-c", "import linnet_sessions.asgi"],
    "worker": ["-m", "celery", "--app", "linnet_sessions", "worker", "--pool", "solo"],
    "beat": ["-m", "celery", "--app", "linnet_sessions", "beat", "--pidfile="],
    "command": ["manage.py", "sweep"],
}


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CLOUD_MODE", "enabled", "CLOUD_MODE must be true or false"),
        ("SESSION_PAID_TTL_S", "0", "SESSION_PAID_TTL_S must be a whole number from 1 to"),
    ],
)
def test_no_process_starts_with_a_wrong_setting(process: str, name: str, value: str, told: str, tmp_path: Path) -> None:
    done = run_in_production(tmp_path, *PROCESSES[process], **{name: value})
    assert done.returncode == 1, done.stdout
    assert told in done.stderr
    assert "Traceback" not in done.stderr
