"""How often a user may call: counted once it is known who asks and that their plan allows it, before the view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from sessions_app.api.origin import SAFE_METHODS
from sessions_app.api.problems import problem_http
from sessions_app.errors import TooManyRequests
from sessions_app.services.limits import Kind, count

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
