"""API tokens of users, and the tokens of annotators."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from django.contrib.auth import get_user_model
from knox.models import get_token_model

from sessions_app.models import Annotator

#: Tells an annotator's token from a user's at sight, and to scanners for leaked secrets.
ANNOTATOR_PREFIX = "lnj_"


def issue_token(*, username: str) -> str:
    """A fresh API token of this user. It is shown this once; only its digest is stored.

    Raises:
        User.DoesNotExist: nobody has this name.
    """
    user = get_user_model().objects.get(username=username)
    token: str = get_token_model().objects.create(user)[1]
    return token


def revoke_tokens(*, username: str) -> int:
    """Forget all API tokens of this user: none is valid any more, and streams that one let in end. Returns how many.

    Raises:
        User.DoesNotExist: nobody has this name.
    """
    user = get_user_model().objects.get(username=username)
    deleted: int = get_token_model().objects.filter(user=user).delete()[0]
    return deleted


def issue_annotator_token(*, name: str, now: datetime) -> str:
    """A fresh token of this annotator, who is made if need be. The token it had before is valid no more."""
    token = ANNOTATOR_PREFIX + secrets.token_urlsafe(32)
    Annotator.objects.update_or_create(
        name=name, defaults={"digest": _digest(token)}, create_defaults={"digest": _digest(token), "created_at": now}
    )
    return token


def revoke_annotator(*, name: str) -> bool:
    """Forget an annotator: its token is valid no more. Returns whether there was one."""
    return Annotator.objects.filter(name=name).delete()[0] > 0


def find_annotator(token: str) -> Annotator | None:
    """Whose token this is."""
    return Annotator.objects.filter(digest=_digest(token)).first()


def _digest(token: str) -> str:
    # A plain digest is enough: nobody can guess 256 random bits.
    return hashlib.sha256(token.encode()).hexdigest()
