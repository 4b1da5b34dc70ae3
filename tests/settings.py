"""The service's own settings, with secrets and a keyring for tests, and fast password hashing."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_var = Path(tempfile.mkdtemp(prefix="linnet-tests-"))
atexit.register(shutil.rmtree, _var, ignore_errors=True)
os.environ["LINNET_ENV_FILE"] = str(_var / "no.env")
os.environ["LINNET_VAR"] = str(_var)
os.environ["SECRET_KEY"] = "a-key-for-tests-only-a-key-for-tests-only-a-key-for-tests-only"
os.environ["LOG_FILE"] = ""
# Users of rolled-back tests share ids, so they would share limits; and some tests open 20 connections at once.
os.environ["API_WRITES_PER_MINUTE"] = os.environ["API_STARTS_PER_MINUTE"] = "0"
os.environ["SIGN_IN_TRIES_PER_MINUTE"] = "0"
os.environ.setdefault("DATABASE_POOL_MAX", "25")
_keyring = _var / "keyring.json"
_keyring.write_text(
    '{"deployment": "00000000-0000-4000-8000-000000000001", '
    '"primary": "00000000-0000-4000-8000-0000000000aa", '
    '"keys": [{"id": "00000000-0000-4000-8000-0000000000aa", '
    '"key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}]}'
)

from linnet_sessions.settings import *  # noqa: E402, F403
from linnet_sessions.settings import DATABASES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, as outside of tests: connections of several threads to one database in memory don't lock as they do
    # on a file.
    DATABASES["default"]["TEST"] = {"NAME": str(_var / "test.sqlite3")}
    # No test here pulls the plug; waiting for the disk at each commit would only take time.
    DATABASES["default"]["OPTIONS"]["init_command"] += " PRAGMA synchronous=OFF;"
