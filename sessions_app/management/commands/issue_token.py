"""Print a fresh API token, or end those that there are."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from sessions_app.services.tokens import issue_token, revoke_tokens
from sessions_app.wording import counted


class Command(BaseCommand):
    help = (
        "Print a fresh API token of a user, and nothing else, on standard output. Those that the user has stay valid."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--revoke", action="store_true", help="end all tokens of the user instead of making one")

    def handle(self, *_args: Any, username: str, revoke: bool, **_options: Any) -> None:
        try:
            if revoke:
                revoked = counted(revoke_tokens(username=username), "API token")
                self.stdout.write(f"Revoked {revoked} of {username!r}.")
            else:
                self.stdout.write(issue_token(username=username))
        except get_user_model().DoesNotExist:
            raise CommandError(f"There is no user named {username!r}.") from None
