"""What must be there before Django can start: ``.env``, the keyring, the folders. Only makes what is missing."""

import os
import secrets
from pathlib import Path

from snapshots.crypto import Keyring

BASE_DIR = Path(__file__).resolve().parent.parent


def prepare() -> list[str]:
    """Make what is missing, readable by its owner only. Returns what was made."""
    made = []
    env_file = Path(os.environ.get("LINNET_ENV_FILE", BASE_DIR / ".env"))
    if "SECRET_KEY" not in os.environ and write_once(env_file, f"SECRET_KEY={secrets.token_urlsafe(50)}\n"):
        made.append(str(env_file))
    from linnet_sessions import settings

    for folder in (
        settings.VAR_DIR,
        settings.VAR_DIR / "broker" / "messages",
        settings.VAR_DIR / "broker" / "control",
    ):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    keyring_file = Path(settings.SNAPSHOT_KEYRING_FILE)
    if not settings.SNAPSHOT_KEYRING and write_once(keyring_file, Keyring.generate().to_json()):
        made.append(str(keyring_file))
    return made


def write_once(path: Path, text: str) -> bool:
    """Write a new file of mode 0600; leave one that is there as it is. Returns whether it was written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return True
