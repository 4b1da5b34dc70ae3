"""Print a fresh token of an annotator."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from sessions_app.services.tokens import issue_annotator_token, revoke_annotator


class Command(BaseCommand):
    help = (
        "Print a fresh token of an annotator, and nothing else, on standard output. It may append events to live "
        "sessions and do nothing else. The token that the annotator had before is valid no more."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="by which its token is replaced or revoked later")
        parser.add_argument("--revoke", action="store_true", help="end its token instead of giving it a new one")

    def handle(self, *_args: Any, name: str, revoke: bool, **_options: Any) -> None:
        if not 1 <= len(name) <= 64 or not name.isprintable():
            raise CommandError("A name has 1 to 64 printable characters.")
        if not revoke:
            self.stdout.write(issue_annotator_token(name=name, now=timezone.now()))
        elif revoke_annotator(name=name):
            self.stdout.write(f"The token of the annotator {name!r} is valid no more.")
        else:
            raise CommandError(f"There is no annotator named {name!r}.")
