"""Close what is past its deadline, now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from sessions_app.lease import Policy
from sessions_app.services.sweep import ClocksDisagree, sweep, would_close
from sessions_app.wording import moment_in_words


class Command(BaseCommand):
    help = "Close the sessions that are past their deadline, saving a snapshot of each pinned one first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be closed, and why; change nothing")

    def handle(self, *_args: Any, dry_run: bool, **_options: Any) -> None:
        now = timezone.now()
        if dry_run:
            self._tell(now)
            return
        try:
            done = sweep(now=now)
        except ClocksDisagree as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Closed {done.closed}, put off {done.put_off}, not due after all {done.rearmed}.")
        if done.more:
            self.stdout.write("There may be more: run it again, or leave the rest to the worker's next sweep.")

    def _tell(self, now: datetime) -> None:
        count = 0
        for session in would_close(now=now):
            count += 1
            outcome = "snapshot" if Policy(session.policy).keeps_snapshot else "nothing kept"
            self.stdout.write(
                f"{session.pk}  {session.policy}  {session.reason_at_deadline.value} since "
                f"{moment_in_words(session.expires_at)}  {session.last_seq} events  → {outcome}"
            )
        self.stdout.write(f"{count} would be closed. Nothing was changed.")
