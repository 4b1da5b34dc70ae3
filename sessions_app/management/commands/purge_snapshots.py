"""Destroy snapshots whose time is over."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from tqdm import tqdm

from sessions_app.management.arguments import age, user_id
from sessions_app.services.retention import PurgeFilter, purge
from sessions_app.services.upkeep import tidy
from sessions_app.wording import moment_in_words


class Command(BaseCommand):
    help = (
        "Destroy the snapshots whose retention is over, keys first. The filters narrow that; they never reach a "
        "snapshot that is still within the time its user was told. Without a filter, also remove tickets, sign-ins and "
        "the guests of a demo that are past their time, and give kept snapshots an end again where their user's plan "
        "is over."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be purged; change nothing")
        parser.add_argument("--user", metavar="USERNAME", help="only this user's")
        parser.add_argument(
            "--older-than", type=age, metavar="AGE", help="only those made this long ago: 30d, 12h, 90m"
        )

    def handle(
        self, *_args: Any, dry_run: bool, user: str | None, older_than: timedelta | None, **_options: Any
    ) -> None:
        now = timezone.now()
        which = PurgeFilter(owner_id=user_id(user), older_than=older_than)
        total = which.due(now=now).count()
        within = which.matching(now=now).count() - total
        if dry_run:
            self._tell(which, now)
            self.stdout.write(f"{total} would be purged. Nothing was changed.")
        else:
            purged = 0
            with tqdm(total=total, unit=" snapshots", disable=not sys.stderr.isatty()) as bar:
                for size in purge(which=which, now=now):
                    purged += size
                    bar.update(size)
            self.stdout.write(f"Purged {purged}.")
            # What the worker does with a purge, too: it is about everybody.
            if which == PurgeFilter() and (released := tidy(now=now)):
                self.stdout.write(f"Gave {released} that were kept an end again: their users' plan is over.")
        self.stdout.write(f"{within} that match are still within their time, or kept by their user, and stay.")

    def _tell(self, which: PurgeFilter, now: datetime) -> None:
        due = which.due(now=now).metadata().select_related("owner").order_by("expires_at", "pk")
        for snapshot in due.iterator():
            self.stdout.write(
                f"{snapshot.pk}  {snapshot.owner.get_username()}  {snapshot.event_count} events  "
                f"{snapshot.size} bytes  time was over on {moment_in_words(snapshot.expires_at)}"
            )
