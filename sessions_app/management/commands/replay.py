"""Play recordings into the running service."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from knox.crypto import hash_token
from knox.models import get_token_model
from tqdm import tqdm

from sessions_app.events import MAX_EVENTS
from sessions_app.lease import Policy
from sessions_app.replaying import Pace, Played, ReplayError, Service, play, read_recordings
from sessions_app.services.tokens import issue_token
from sessions_app.wording import counted, moment_in_words


class Command(BaseCommand):
    help = (
        "Play recordings (JSON Lines: {recording, speakers, events}) into the running service over its REST API, as an "
        "annotator would. Each becomes a session of its own, which is then ended. One line on standard output for each."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        port = os.environ.get("PORT", "8000")
        parser.add_argument(
            "file", type=Path, metavar="FILE", help="the recordings; docs/sample.jsonl is one such file"
        )
        parser.add_argument("--user", default="demo", help="whose sessions they become (default: demo)")
        parser.add_argument(
            "--token",
            help="an API token of that user. Without it a fresh one is made in this machine's database, and revoked "
            "at the end; with it --user is not looked at",
        )
        parser.add_argument(
            "--speed",
            type=_speed,
            default=0,
            metavar="X",
            help="X times as fast as the recording's own time: 1 is as it was, 60 is a minute in a second. Events are "
            "then sent as they fall due. Default: 0, as fast as possible",
        )
        parser.add_argument("--limit", type=_count, metavar="N", help="the first N recordings only")
        parser.add_argument("--url", type=_url, default=f"http://127.0.0.1:{port}", help="default: %(default)s")
        parser.add_argument(
            "--batch", type=_batch, default=25, metavar="N", help="at most N events in one request (default: 25)"
        )
        parser.add_argument(
            "--leave-open", action="store_true", help="do not end the sessions: they close at their deadline"
        )

    def handle(self, *_args: Any, user: str, token: str | None, url: str, **options: Any) -> None:
        try:
            recordings = read_recordings(options["file"], limit=options["limit"])
            if options["speed"]:
                self.stderr.write(f"It plays now. To see it arrive: {url}/panel/", style_func=str)
            with _token(user, token) as token:
                played = list(self._play(recordings, Service(url, token), options))
        except ReplayError as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError(
                "Stopped. A session that was being played closes at its deadline.", returncode=130
            ) from None
        sessions, events = len(played), sum(one.answer["events"] for one in played)
        outcome = "left open" if options["leave_open"] else "ended"
        summary = f"{counted(sessions, 'session')} with {counted(events, 'event')} {outcome}."
        self.stderr.write(summary, style_func=str)  # not in the colour of errors

    def _play(self, recordings: Any, service: Service, options: dict[str, Any]) -> Iterator[Played]:
        total = sum(len(recording.events) for recording in recordings)
        on_a_terminal = self.stdout.isatty() and self.stderr.isatty()
        with tqdm(total=total, unit=" events", file=sys.stderr, disable=not on_a_terminal) as bar:
            for recording in recordings:
                played = play(
                    service,
                    recording,
                    pace=Pace(options["speed"]),
                    batch=options["batch"],
                    leave_open=options["leave_open"],
                    on_sent=bar.update,
                )
                with bar.external_write_mode():
                    events = counted(played.answer["events"], "event")
                    self.stdout.write(f"{played.session}  {events}  {_outcome(played)}")
                    self.stdout.flush()
                yield played


def _outcome(played: Played) -> str:
    """What is kept and until when, or that nothing is."""
    answer = played.answer
    if played.left_open:
        if answer["clocks"] is None:
            return f"{answer['state']}: {answer['ended_because']}"
        then = "it is saved" if Policy(played.policy).keeps_snapshot else f"nothing is kept: it is {played.policy}"
        return f"{answer['state']} until {_moment(answer['clocks']['expires_at'])}; then {then}"
    snapshot = answer["snapshot"]
    if snapshot is None:
        outcome = answer["kept_because"]
    elif snapshot["expires_at"] is None:
        outcome = f"snapshot {snapshot['id']}, kept without an end"
    else:
        outcome = f"snapshot {snapshot['id']}, kept until {_moment(snapshot['expires_at'])}"
    withheld = ", ".join(f"{name} {count}" for name, count in (answer["withheld"] or {}).items())
    return f"{outcome} (never stored: {withheld})" if withheld else outcome


def _moment(text: str) -> str:
    return moment_in_words(datetime.fromisoformat(text))


@contextmanager
def _token(username: str, given: str | None) -> Iterator[str]:
    """The token that was given, or a fresh one that is revoked afterwards."""
    if given is not None:
        yield given
        return
    try:
        token = issue_token(username=username)
    except get_user_model().DoesNotExist:
        raise CommandError(
            f"There is no user named {username!r} in this database: choose one with --user, or give a --token."
        ) from None
    try:
        yield token
    finally:
        get_token_model().objects.filter(digest=hash_token(token)).delete()


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = -1
    if not (isfinite(speed) and speed >= 0):
        raise argparse.ArgumentTypeError("must be 0 or a number above it")
    return speed


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text)):
        raise argparse.ArgumentTypeError("must be a whole number from 1")
    return int(text)


def _batch(text: str) -> int:
    if _count(text) > MAX_EVENTS:
        raise argparse.ArgumentTypeError(f"must be at most {MAX_EVENTS}")
    return int(text)


def _url(text: str) -> str:
    try:
        address = urlsplit(text)
        right = address.scheme in {"http", "https"} and address.hostname and address.port != 0
    except ValueError:
        right = False
    if not right:
        raise argparse.ArgumentTypeError("must be an address such as http://127.0.0.1:8000")
    return text.rstrip("/")
