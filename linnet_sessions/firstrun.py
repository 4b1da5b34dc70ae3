"""What must be there before Django can start: ``.env`` and the folders. Only makes what is missing."""

import os
import re
import secrets
from pathlib import Path

_EMPTY_KEY = re.compile(r"\s*(export\s+)?SECRET_KEY\s*=\s*")
_KEY = re.compile(_EMPTY_KEY.pattern + r"\S")

BASE_DIR = Path(__file__).resolve().parent.parent


def prepare() -> None:
    """Make a ``.env`` with a fresh SECRET_KEY (mode 0600) and the folders that the service writes to."""
    os.umask(0o077)
    env_file = Path(os.environ.get("LINNET_ENV_FILE", BASE_DIR / ".env"))
    # What is there and is no file, such as /dev/null, says that there shall be none.
    if "SECRET_KEY" not in os.environ and (env_file.is_file() or not env_file.exists()):
        _ensure_secret_key(env_file)
    # Only now: the settings need the key.
    from linnet_sessions import settings

    # A real broker has no folders, and in production everything but LINNET_VAR may be read-only.
    if settings.CELERY_BROKER_URL.startswith("filesystem://"):
        for folder in ("broker/messages", "broker/control"):
            (settings.VAR_DIR / folder).mkdir(parents=True, exist_ok=True)


def _ensure_secret_key(env_file: Path) -> None:
    """Give the file a key if it has none: somebody may have set other variables in it before the first run."""
    lines = ["# Made at the first run; .env.example lists what else can be set."]
    if env_file.exists():
        lines = env_file.read_text(encoding="utf-8").splitlines()
    if any(_KEY.match(line) for line in lines):
        return
    lines = [line for line in lines if not _EMPTY_KEY.fullmatch(line)]
    fresh = env_file.with_name(f"{env_file.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join([*lines, f"SECRET_KEY={secrets.token_urlsafe(50)}"]) + "\n")
    fresh.replace(env_file)
