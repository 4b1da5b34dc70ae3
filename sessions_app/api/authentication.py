"""DRF's view of who is asking: what the identity middleware found, and a check for what comes by cookie."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from sessions_app.api.origin import is_from_own_page
from sessions_app.errors import CsrfFailed


class MiddlewareAuthentication(SessionAuthentication):
    """Takes the user from ``request.identity``.

    What comes by cookie and changes something needs proof that no other site sent it: a page of our own, which the
    browser names, or Django's CSRF token. A token in a header is proof enough: no browser adds that by itself.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        identity = request._request.identity
        if identity is None or identity.user is None:
            return None
        if identity.by_cookie and not is_from_own_page(request._request):
            self.enforce_csrf(request)
        return identity.user, None

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        return "Token"

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied:
            raise CsrfFailed from None
