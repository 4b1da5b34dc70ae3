"""Arguments that several commands take."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

_AGE = re.compile(r"(\d{1,6})([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def age(text: str) -> timedelta:
    """An age such as ``30d``, ``12h`` or ``90m``."""
    found = _AGE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError("write an age as a whole number and d, h or m: 30d, 12h, 90m")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def user_id(username: str | None) -> int | None:
    """The id of the user with this name; None for None.

    Raises:
        CommandError: nobody has this name.
    """
    if username is None:
        return None
    found = get_user_model().objects.filter(username=username).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(f"There is no user named {username!r}.")
    return int(found)
