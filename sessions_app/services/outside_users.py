"""Users whom Linnet's cloud knows: their JWT, and the user of this service that belongs to it (ADR 0012)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import jwt
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractBaseUser

from sessions_app.conf import conf
from sessions_app.errors import NotAuthenticated

#: Begins the names of these users. No form takes a colon in a name, so nobody can name themselves into one.
PREFIX = "cf:"
#: Far more than a JWT with a few claims has, and little enough to look at whoever sends it.
MAX_TOKEN_CHARS = 4096
#: ASCII alone: Django brings names to one Unicode form, and two ids must never become one name.
_OUTSIDE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True, slots=True)
class OutsideLogin:
    """What a JWT says, once it is known to be right."""

    outside_id: str
    expires_at: datetime


def read_cloud_token(token: str, *, now: datetime) -> OutsideLogin:
    """What Linnet's ``cf_session`` says: a JWT (RFC 7519), HS256, with ``id`` and ``exp``.

    Raises:
        NotAuthenticated: forged, expired, of another algorithm, without a claim, or no such token at all.
    """
    if not conf.directus_jwt_secret or len(token) > MAX_TOKEN_CHARS:
        raise NotAuthenticated
    # When it was issued is nothing to refuse it for (RFC 7519, section 4.1.6): that clock may be ahead of ours.
    options: jwt.types.Options = {"require": ["id", "exp"], "verify_iat": False}
    try:
        claims = jwt.decode(token, conf.directus_jwt_secret, algorithms=["HS256"], options=options)
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError, OSError):
        # Beside the library's own errors, numbers that no clock shows and nesting that no token has.
        raise NotAuthenticated from None
    outside_id = claims["id"]
    if expires_at <= now or not isinstance(outside_id, str) or not _OUTSIDE_ID.fullmatch(outside_id):
        raise NotAuthenticated
    return OutsideLogin(outside_id, expires_at)


def user_of_cloud(outside_id: str) -> AbstractBaseUser:
    """The user with this id in Linnet's cloud; made at first sight, without a password.

    Raises:
        NotAuthenticated: the user is deactivated here.
    """
    name = PREFIX + outside_id
    users = get_user_model().objects
    user = users.filter(username=name).first()
    if user is None:
        user, _ = users.get_or_create(username=name, defaults={"password": make_password(None)})
    if not user.is_active:
        raise NotAuthenticated
    return user


def outside_id_of(username: str) -> str | None:
    """The id in Linnet's cloud of the user with this name; None for a user of this service alone."""
    return username.removeprefix(PREFIX) if username.startswith(PREFIX) else None
