"""Who is asking, and whether their plan gives what they ask for. In this order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from sessions_app.api.access import plan_of, required_tier
from sessions_app.api.problems import problem_http
from sessions_app.errors import LinnetError, NotAuthenticated
from sessions_app.services.tiers import require_tier
from sessions_app.tiers import Tier

API_PREFIX = "/api/v1/"


@dataclass(frozen=True, slots=True)
class Identity:
    """A user, and whether a cookie (which browsers send by themselves) says so."""

    user: AbstractBaseUser
    by_cookie: bool


class IdentityMiddleware:
    """Establishes ``request.identity`` for API calls: an API token, else Django's own session.

    DRF authenticates inside the view, too late for the tier gate; it reads what is found here. Credentials that
    are present but wrong are refused, and never fall back to a weaker kind.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.identity = None  # type: ignore[attr-defined]
        if request.path.startswith(API_PREFIX):
            try:
                request.identity = _identify(request)  # type: ignore[attr-defined]
            except NotAuthenticated as error:
                return problem_http(error)
        return self.get_response(request)


def _identify(request: HttpRequest) -> Identity | None:
    if "Authorization" in request.headers:
        found = None
        header = request.headers["Authorization"]
        # Tokens are plain ASCII; anything else is wrong already, and a NUL must not reach the database.
        if header.isascii() and header.isprintable():
            with suppress(AuthenticationFailed):
                found = TokenAuthentication().authenticate(request)
        if found is None:
            raise NotAuthenticated
        request.user = found[0]
        return Identity(request.user, by_cookie=False)
    if request.user.is_authenticated:
        return Identity(request.user, by_cookie=True)
    return None


class PaidTierMiddleware:
    """Answers 402 where the user's plan does not give what the called action needs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, _args: Any, _kwargs: Any) -> HttpResponse | None:
        if not request.path.startswith(API_PREFIX) or request.identity is None:  # type: ignore[attr-defined]
            return None
        needed = required_tier(view, request.method or "")
        if needed is Tier.FREE:
            return None
        try:
            require_tier(plan_of(request, now=timezone.now()).tier, needed, what="This")
        except LinnetError as error:
            return problem_http(error)
        return None
