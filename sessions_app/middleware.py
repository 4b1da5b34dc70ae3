"""Who is asking, and whether their plan gives what they ask for. In this order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from sessions_app.api.access import plan_of, required_tier
from sessions_app.api.identity import PANEL_PREFIX, Identity, identify
from sessions_app.api.origin import SAFE_METHODS, is_from_own_page
from sessions_app.api.problems import problem_http
from sessions_app.api.wire import WIRE_PREFIXES, is_wire, mode_header
from sessions_app.errors import CrossSite, LinnetError, NotAuthenticated
from sessions_app.services.tiers import require_plan
from sessions_app.tiers import Tier

API_PREFIX = "/api/v1/"
PREFIXES = (API_PREFIX, *WIRE_PREFIXES, PANEL_PREFIX)


class ModeHeaderMiddleware:
    """Says on every answer to Linnet's own front end how this installation runs: on errors of any kind too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if is_wire(request.path):
            name, value = mode_header()
            response[name] = value
        return response


class IdentityMiddleware:
    """Establishes ``request.identity`` (``api.identity.Identity``, or None) for everything that asks for a user.

    DRF authenticates inside the view, too late for the tier gate; it reads what is found here. REST calls that come by
    cookie need a CSRF token or a page of our own (``api.authentication``). Linnet's own front end sends no CSRF token:
    its writes must come from such a page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.identity = None  # type: ignore[attr-defined]
        if request.path.startswith(PREFIXES):
            try:
                request.identity = _identify(request)  # type: ignore[attr-defined]
            except LinnetError as error:
                return problem_http(error)
        return self.get_response(request)


def _identify(request: HttpRequest) -> Identity | None:
    try:
        identity = identify(request, now=timezone.now())
    except NotAuthenticated:
        if request.path.startswith(PANEL_PREFIX):
            return None  # the page then shows how to sign in
        raise
    writes = request.path.startswith(WIRE_PREFIXES) and request.method not in SAFE_METHODS
    if identity is not None and identity.by_cookie and writes and not is_from_own_page(request):
        raise CrossSite
    return identity


class PaidTierMiddleware:
    """Answers 402 where the user's plan does not give what the called action needs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, _args: Any, _kwargs: Any) -> HttpResponse | None:
        if not request.path.startswith((API_PREFIX, *WIRE_PREFIXES)) or request.identity is None:  # type: ignore[attr-defined]
            return None
        if request.identity.annotator is not None:  # type: ignore[attr-defined]
            return None  # without a plan, and refused by every view but its own
        needed = required_tier(view, request.method or "")
        if needed is Tier.FREE:
            return None
        try:
            require_plan(plan_of(request, now=timezone.now()), needed, what="This")
        except LinnetError as error:
            return problem_http(error)
        return None
