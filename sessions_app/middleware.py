"""Who is asking, and whether their plan gives what they ask for. In this order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed

from sessions_app.api.access import plan_of, required_tier
from sessions_app.api.problems import problem_http
from sessions_app.api.user_tokens import UserTokenAuthentication
from sessions_app.errors import LinnetError, NotAuthenticated
from sessions_app.models import Annotator
from sessions_app.services.tiers import require_tier
from sessions_app.services.tokens import ANNOTATOR_PREFIX, find_annotator
from sessions_app.tiers import Tier

API_PREFIX = "/api/v1/"


@dataclass(frozen=True, slots=True)
class Identity:
    """A user, and whether a cookie (which browsers send by themselves) says so; or an annotator, who is no user."""

    user: AbstractBaseUser | None
    by_cookie: bool = False
    annotator: Annotator | None = None


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
    header = request.headers.get("Authorization")
    if header is not None:
        identity = _identify_by_token(request, header)
        if identity is None:
            raise NotAuthenticated
        return identity
    if request.user.is_authenticated:
        return Identity(request.user, by_cookie=True)
    return None


def _identify_by_token(request: HttpRequest, header: str) -> Identity | None:
    # Tokens are plain ASCII; anything else is wrong already, and a NUL must not reach the database.
    if not (header.isascii() and header.isprintable()):
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() == "token" and token.startswith(ANNOTATOR_PREFIX):
        annotator = find_annotator(token)
        return annotator and Identity(None, annotator=annotator)
    with suppress(AuthenticationFailed):
        found = UserTokenAuthentication().authenticate(request)
        if found is not None:
            request.user = found[0]
            return Identity(request.user)
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
        if request.identity.annotator is not None:  # type: ignore[attr-defined]
            return None  # without a plan, and refused by every view but its own
        needed = required_tier(view, request.method or "")
        if needed is Tier.FREE:
            return None
        try:
            require_tier(plan_of(request, now=timezone.now()).tier, needed, what="This")
        except LinnetError as error:
            return problem_http(error)
        return None
