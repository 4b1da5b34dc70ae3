"""API tokens, for operators and scripts."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from knox.models import get_token_model


def issue_token(*, username: str) -> str:
    """A fresh API token of this user. It is shown this once; only its digest is stored.

    Raises:
        User.DoesNotExist: nobody has this name.
    """
    user = get_user_model().objects.get(username=username)
    token: str = get_token_model().objects.create(user)[1]
    return token
