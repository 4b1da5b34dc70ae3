"""Finding the user of an API token."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from knox.models import get_token_model
from rest_framework.exceptions import AuthenticationFailed

from snapshots.statements import OneRow

_Token = get_token_model()
_TOKEN = OneRow(
    lambda digest: _Token.objects.select_related("user").filter(digest=digest), digest=_Token._meta.get_field("digest")
)


class UserTokenAuthentication(TokenAuthentication):
    """As knox does it, in one query: by the digest, which is the primary key.

    knox looks for the token's first characters, and then through all of the user's other tokens for expired ones to
    delete, at every request. Here an expired token is refused and stays until it is replaced.
    """

    def authenticate_credentials(self, token: bytes) -> tuple[Any, Any]:
        found = _TOKEN.get(digest=hash_token(token.decode()))
        if found is None or (found.expiry is not None and found.expiry <= timezone.now()):
            raise AuthenticationFailed
        result: tuple[Any, Any] = self.validate_user(found)
        return result
