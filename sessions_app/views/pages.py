"""What answers outside the REST API: health, and the answers to wrong addresses and faults."""

from __future__ import annotations

import sys
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views import defaults
from django.views.decorators.http import require_safe

from sessions_app.api.problems import problem_http, service_unavailable
from sessions_app.api.wire import is_wire
from sessions_app.errors import BadRequest, NoSuchAddress, ServiceFault
from sessions_app.services.health import check_health


@require_safe
def health(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """For load balancers and operators: each part's state. 503 when sessions can't work."""
    report = check_health(now=timezone.now())
    return JsonResponse(report.as_dict(), status=200 if report.works else 503)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A problem document for programs, Django's page for people."""
    if _is_for_programs(request):
        return problem_http(BadRequest())
    return defaults.bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A problem document for programs, a page that leads on for people (``templates/404.html``)."""
    if _is_for_programs(request):
        return problem_http(NoSuchAddress())
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest, *_args: Any) -> HttpResponse:
    """A problem document for programs, Django's page for people. 503 when it is the database that is away.

    That is met here when it happens outside of the REST views: in the middleware that finds out who is asking, say.
    """
    # Django is still handling the exception when it calls this, and passes it in no other way.
    unavailable = service_unavailable(sys.exc_info()[1])
    api = _is_for_programs(request)
    response = problem_http(unavailable or ServiceFault()) if api else defaults.server_error(request)
    if unavailable is not None:
        response.status_code = unavailable.status
        # It is in the log by its class. Django would add a traceback, as if it were a fault of ours.
        response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _is_for_programs(request: HttpRequest) -> bool:
    return request.path.startswith("/api/") or is_wire(request.path)
