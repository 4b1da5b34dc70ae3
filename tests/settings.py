"""The service's own settings, with secrets and a keyring for tests, and fast password hashing."""

import os
import tempfile
from pathlib import Path

_var = Path(tempfile.mkdtemp(prefix="linnet-tests-"))
os.environ["LINNET_ENV_FILE"] = str(_var / "no.env")
os.environ["LINNET_VAR"] = str(_var)
os.environ["SECRET_KEY"] = "a-key-for-tests-only-a-key-for-tests-only-a-key-for-tests-only"
os.environ["LOG_FILE"] = ""
_keyring = _var / "keyring.json"
_keyring.write_text(
    '{"deployment": "00000000-0000-4000-8000-000000000001", '
    '"primary": "00000000-0000-4000-8000-0000000000aa", '
    '"keys": [{"id": "00000000-0000-4000-8000-0000000000aa", '
    '"key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}]}'
)

from linnet_sessions.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
