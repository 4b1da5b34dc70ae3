"""Add a key-encryption key to the keyring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from snapshots.crypto import Keyring, KeyringInvalid
from snapshots.services.keyring import create_keyring_file, has_keyring, keyring, replace_keyring_file


class Command(BaseCommand):
    help = (
        "Add a new key-encryption key to the keyring file, or make the file when there is none. The new key only opens "
        "until it is made primary: deploy it to every process first. Prints the key's id, never the key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--primary", action="store_true", help="seal with it from now on")
        parser.add_argument(
            "--print",
            action="store_true",
            dest="print_it",
            help="print the new keyring, secrets included, instead of writing the file: for a secret store",
        )

    def handle(self, *_args: Any, primary: bool, print_it: bool, **_options: Any) -> None:
        try:
            if not print_it and create_keyring_file():
                self.stdout.write(str(keyring().primary))
                return
            ring = keyring().with_new_key(make_primary=primary) if has_keyring() else Keyring.generate()
        except KeyringInvalid as error:
            raise CommandError(str(error)) from None
        if print_it:
            self.stdout.write(ring.to_json(), ending="")
            return
        if settings.SNAPSHOT_KEYRING:
            raise CommandError("The keyring comes from SNAPSHOT_KEYRING: use --print, and put the result there.")
        replace_keyring_file(Path(settings.SNAPSHOT_KEYRING_FILE), ring)
        self.stdout.write(str(list(ring.keys)[-1]))
