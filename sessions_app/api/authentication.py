"""DRF's view of who is asking: what the identity middleware found, and the CSRF check for cookies."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from sessions_app.errors import NotAllowed


class MiddlewareAuthentication(SessionAuthentication):
    """Takes the user from ``request.identity``. A token is no cookie, so only cookies need the CSRF check."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        identity = request._request.identity
        if identity is None or identity.user is None:
            return None
        if identity.by_cookie:
            self.enforce_csrf(request)
        return identity.user, None

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        return "Token"

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied:
            raise NotAllowed from None


class MiddlewareAuthenticationScheme(OpenApiAuthenticationExtension):
    """How the API description names the two ways of authenticating."""

    target_class = "sessions_app.api.authentication.MiddlewareAuthentication"
    name = ["tokenAuth", "cookieAuth"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:  # noqa: ARG002
        return [
            {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "An API token: `Token lna_…`.",
            },
            {"type": "apiKey", "in": "cookie", "name": "sessionid"},
        ]
