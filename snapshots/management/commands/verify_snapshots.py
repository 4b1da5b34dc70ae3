"""Does every snapshot open?"""

from __future__ import annotations

import sys
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from snapshots.crypto import KeyringInvalid
from snapshots.services.keyring import keyring
from snapshots.services.verify import count_snapshots, verify_snapshots


class Command(BaseCommand):
    help = "Open every snapshot and forget it again; name those that do not open. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", metavar="USERNAME", help="only this user's")

    def handle(self, *_args: Any, user: str | None, **_options: Any) -> None:
        owner_id = None
        if user is not None:
            owner = get_user_model().objects.filter(username=user).first()
            if owner is None:
                raise CommandError(f"There is no user named {user!r}.")
            owner_id = owner.pk
        total = count_snapshots(owner_id=owner_id)
        try:
            keyring()
        except KeyringInvalid as error:
            raise CommandError(str(error)) from None
        damaged = 0
        found = tqdm(
            verify_snapshots(owner_id=owner_id), total=total, unit=" snapshots", disable=not sys.stderr.isatty()
        )
        for verified in found:
            if verified.problem:
                damaged += 1
                self.stdout.write(f"{verified.snapshot_id}  {verified.problem}")
        if damaged:
            raise CommandError(f"{damaged} of {total} snapshots do not open. They stay as they are.")
        self.stdout.write(f"All {total} snapshots open.")
