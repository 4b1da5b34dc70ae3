"""Prepare an installation: tables, keyring, first users."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from sessions_app.services.first_users import Credentials, ensure_first_users
from snapshots.crypto import KeyringInvalid
from snapshots.services.keyring import create_keyring_file
from snapshots.services.readiness import exit_unless_ready


class Command(BaseCommand):
    help = (
        "Make what is missing of an installation: .env, tables, keyring, and the users support, demo and demo-free, "
        "whose passwords and tokens are printed once. What is there stays as it is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", help="refuse, and make nothing, when a web process could not take this port")

    def handle(self, *_args: Any, port: str | None, **_options: Any) -> None:
        if port is not None:
            _refuse_unless_free(port)
        call_command("migrate", verbosity=0, interactive=False)
        try:
            if create_keyring_file():
                self.stdout.write(
                    f"Made the keyring {settings.SNAPSHOT_KEYRING_FILE}. Back it up apart from the database: without "
                    "it nothing that is kept can be opened."
                )
        except KeyringInvalid as error:
            raise CommandError(str(error)) from None
        exit_unless_ready(now=timezone.now())
        made = ensure_first_users()
        if made:
            self._introduce(made)
        address = f"http://127.0.0.1:{port or os.environ.get('PORT', '8000')}"
        self.stdout.write(
            f"All is in place. Once the web process runs: your sessions at {address}/panel/ and the admin at "
            f"{address}/admin/"
        )

    def _introduce(self, made: list[Credentials]) -> None:
        self.stdout.write("\nNew users. Their passwords and tokens are shown this once:\n")
        roles = {"support": "support staff: the admin", "demo": "a Paid+ user", "demo-free": "a Free user"}
        for credentials in made:
            self.stdout.write(f"  {credentials.username} ({roles[credentials.username]})")
            self.stdout.write(f"    password   {credentials.password}")
            if credentials.token:
                self.stdout.write(f"    API token  {credentials.token}")
        self.stdout.write("")


def _refuse_unless_free(port: str) -> None:
    another = "Choose another: PORT=9000 make run"
    if not (port.isascii() and port.isdigit() and 0 < len(port) < 6 and 0 < int(port) < 65_536):
        raise CommandError(f"PORT must be a number from 1 to 65535. {another}")
    with closing(socket.socket()) as probe:
        # As the server does: connections that have just ended on it don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
        except PermissionError:
            raise CommandError(f"Port {port} is not for ordinary users. {another}") from None
        except OSError:
            raise CommandError(f"Port {port} is taken. {another}") from None
