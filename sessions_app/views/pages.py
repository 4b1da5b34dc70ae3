"""What answers outside the REST API: health, and the two pages for addresses and faults that are no page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views import defaults
from django.views.decorators.http import require_safe

from sessions_app.api.problems import problem_http
from sessions_app.errors import NoSuchAddress, ServiceFault
from sessions_app.services.health import check_health


@require_safe
def health(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """For load balancers and operators: each part's state. 503 when the service can't work."""
    report = check_health(now=timezone.now())
    return JsonResponse(report.as_dict(), status=200 if report.ok else 503)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A problem document below ``/api/``, Django's page elsewhere."""
    if request.path.startswith("/api/"):
        return problem_http(NoSuchAddress())
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest, *_args: Any) -> HttpResponse:
    """A problem document below ``/api/``, Django's page elsewhere."""
    if request.path.startswith("/api/"):
        return problem_http(ServiceFault())
    return defaults.server_error(request)
