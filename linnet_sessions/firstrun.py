"""What must be there before Django can start: ``.env`` and the folders. Only makes what is missing."""

import os
import secrets
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent


def prepare() -> None:
    """Make a ``.env`` with a fresh SECRET_KEY (mode 0600) and the folders that the service writes to."""
    os.umask(0o077)
    env_file = Path(os.environ.get("LINNET_ENV_FILE", BASE_DIR / ".env"))
    if "SECRET_KEY" not in os.environ and not env_file.exists():
        descriptor = os.open(env_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("# Made at the first run; .env.example lists what else can be set.\n")
            file.write(f"SECRET_KEY={secrets.token_urlsafe(50)}\n")
    # Only now: the settings need the key.
    from linnet_sessions import settings

    # A real broker has no folders, and in production everything but LINNET_VAR may be read-only.
    if settings.CELERY_BROKER_URL.startswith("filesystem://"):
        for folder in ("broker/messages", "broker/control"):
            (settings.VAR_DIR / folder).mkdir(parents=True, exist_ok=True)
