"""Print a fresh API token."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from sessions_app.services.tokens import issue_token


class Command(BaseCommand):
    help = "Print a fresh API token of a user, and nothing else, on standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *_args: Any, username: str, **_options: Any) -> None:
        try:
            self.stdout.write(issue_token(username=username))
        except get_user_model().DoesNotExist:
            raise CommandError(f"There is no user named {username!r}.") from None
