"""What somebody proved who they are with, and whether it still holds: an open stream asks again and again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.sessions.models import Session as StoredLogin
from django.db.models import Q
from django.utils.crypto import constant_time_compare
from knox.models import get_token_model


class CredentialKind(StrEnum):
    """By what somebody is known."""

    TOKEN = "token"  # noqa: S105  (a kind, not a secret)
    JWT = "jwt"
    INSTANCE = "instance"
    SESSION = "session"
    ANNOTATOR = "annotator"


@dataclass(frozen=True, slots=True)
class Credential:
    """Enough of a credential to ask later whether it still holds.

    ``reference`` is the digest of an API token, or the key of a Django session; the other kinds need none.
    It is never logged. ``expires_at`` is when the credential itself says that it ends.
    """

    kind: CredentialKind
    reference: str = field(default="", repr=False)
    expires_at: datetime | None = None


def still_hold(asked: Sequence[tuple[int, Credential]], *, now: datetime) -> list[bool]:
    """Whether each user may still go on with this credential, in the order given.

    A credential holds no more when it has expired or was revoked, when its user has signed out, changed the
    password or was deactivated. Costs at most three queries, however many are asked about.

    Args:
        asked: pairs of a user's id and the credential that the user came with.
    """
    in_time = [(user_id, one) for user_id, one in asked if one.expires_at is None or one.expires_at > now]
    users = get_user_model().objects.filter(is_active=True).in_bulk({user_id for user_id, _ in in_time})
    tokens = _live_tokens(_references(in_time, CredentialKind.TOKEN), now)
    logins = _live_logins(_references(in_time, CredentialKind.SESSION), now)

    def holds(user_id: int, credential: Credential) -> bool:
        user = users.get(user_id)
        if user is None or (credential.expires_at is not None and credential.expires_at <= now):
            return False
        match credential.kind:
            case CredentialKind.TOKEN:
                return tokens.get(credential.reference) == user_id
            case CredentialKind.SESSION:
                return _is_login_of(logins.get(credential.reference, {}), user)
            case CredentialKind.JWT | CredentialKind.INSTANCE:
                return True
        return False

    return [holds(user_id, credential) for user_id, credential in asked]


def _references(asked: Iterable[tuple[int, Credential]], kind: CredentialKind) -> set[str]:
    return {credential.reference for _, credential in asked if credential.kind is kind}


def _live_tokens(digests: set[str], now: datetime) -> dict[str, int]:
    if not digests:
        return {}
    live = get_token_model().objects.filter(Q(expiry__isnull=True) | Q(expiry__gt=now), digest__in=digests)
    return dict(live.values_list("digest", "user_id"))


def _live_logins(keys: set[str], now: datetime) -> dict[str, dict[str, str]]:
    """What is stored in each Django session that is still there."""
    if not keys:
        return {}
    return {
        login.session_key: login.get_decoded()
        for login in StoredLogin.objects.filter(session_key__in=keys, expire_date__gt=now)
    }


def _is_login_of(login: dict[str, str], user: AbstractBaseUser) -> bool:
    """Django's own rule: the session names the user, and was made under the present password."""
    if login.get(SESSION_KEY) != str(user.pk) or BACKEND_SESSION_KEY not in login:
        return False
    made_under = login.get(HASH_SESSION_KEY, "")
    fitting = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(made_under, one) for one in fitting)
