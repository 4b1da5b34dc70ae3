"""How often a user may call, and anybody try to sign in: counted before the view.

Calls are counted once it is known who asks and that their plan allows it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from sessions_app.api.origin import SAFE_METHODS
from sessions_app.api.peers import peer_address
from sessions_app.api.problems import problem_http
from sessions_app.conf import conf
from sessions_app.errors import TooManyRequests
from sessions_app.modes import Mode
from sessions_app.services.limits import Kind, count, count_sign_in

#: The addresses that make sessions when they are posted to.
STARTS = {"session-list", "snapshot-bring-back", "linnet-start", "linnet-resume"}


class LimitMiddleware:
    """Answers 429 where a user writes or starts more than one user may. Reads are not counted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, _view: Any, _args: Any, _kwargs: Any) -> HttpResponse | None:
        # Only API calls have an identity; an annotator, who writes for many, is no user and has no user's limits.
        identity = request.identity  # type: ignore[attr-defined]
        if identity is None or identity.user is None or request.method in SAFE_METHODS:
            return None
        now = timezone.now()
        try:
            count(user_id=identity.user.pk, kind=Kind.WRITES, now=now)
            if request.resolver_match is not None and request.resolver_match.url_name in STARTS:
                count(user_id=identity.user.pk, kind=Kind.STARTS, now=now)
        except TooManyRequests as error:
            return problem_http(error)
        return None


class SignInLimitMiddleware:
    """Answers 429 where an account's password is tried too often, the same whether or not there is such an account."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, _view: Any, _args: Any, _kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        if request.method != "POST" or match is None or match.view_name != "admin:login":
            return None
        # One account, however its name is typed.
        account = get_user_model().normalize_username(request.POST.get("username", "").strip())
        # In the cloud that is the proxy's, which limits callers by theirs: one of them must not shut all others out.
        address = "" if conf.mode is Mode.CLOUD else str(peer_address(request) or "")
        try:
            count_sign_in(account=account, address=address, now=timezone.now())
        except TooManyRequests as error:
            wait = str(error.extra["retry_after_s"])
            # A page for people: a sentence that any browser shows and any screen reader says.
            said = f"There were too many tries to sign in. Try again in {wait} seconds."
            return HttpResponse(said, status=429, content_type="text/plain", headers={"Retry-After": wait})
        return None
