"""Errors as problem documents (RFC 9457)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from sessions_app.errors import (
    AudioRefused,
    FieldProblem,
    InvalidFields,
    LinnetError,
    MalformedBody,
    MethodNotAllowed,
    NoSuchAddress,
    NotAcceptable,
    NotAuthenticated,
    NotPermitted,
    ServiceUnavailable,
    UnsupportedBody,
)
from sessions_app.services.outages import is_outage

CONTENT_TYPE = "application/problem+json"
#: When to come back, in seconds: to a database that is away, and to anything else that is.
RETRY_DATABASE_S, RETRY_S = 5, 30
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_. -]{1,64}")


def problem_document(error: LinnetError) -> dict[str, Any]:
    """The members of the document; None members are left out, but for ``snapshot``, which says "none kept"."""
    extra = {name: value for name, value in error.extra.items() if value is not None or name == "snapshot"}
    return {
        "type": f"/api/docs/errors/#{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        **extra,
    }


def problem_http(error: LinnetError) -> HttpResponse:
    """The document as a plain Django response, for what happens outside the REST views."""
    response = HttpResponse(
        JSONRenderer().render(problem_document(error)), status=error.status, content_type=CONTENT_TYPE
    )
    for name, value in _headers(error).items():
        response[name] = value
    return response


def problem_response(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. What is no error of ours is a fault, and goes on to the 500 handler."""
    error = _audio_refused(exc, context) or _translate(exc)
    if error is None:
        return None
    headers = _headers(error)
    if isinstance(exc, exceptions.MethodNotAllowed):
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    return Response(problem_document(error), status=error.status, headers=headers, content_type=CONTENT_TYPE)


def _audio_refused(exc: Exception, context: dict[str, Any]) -> LinnetError | None:
    """A body that calls itself audio is refused as audio, not as a mere mistake in the media type."""
    if not isinstance(exc, exceptions.UnsupportedMediaType):
        return None
    if not (context["request"].content_type or "").lower().startswith(("audio/", "video/")):
        return None
    return AudioRefused([FieldProblem("Content-Type", "audio", "must not be audio: nothing of it was kept")])


def _headers(error: LinnetError) -> dict[str, str]:
    if error.status == 401:
        return {"WWW-Authenticate": "Token"}
    if "retry_after_s" in error.extra:
        return {"Retry-After": str(error.extra["retry_after_s"])}
    if error.status == 503:
        return {"Retry-After": str(RETRY_S)}
    return {}


def service_unavailable(exc: BaseException | None) -> ServiceUnavailable | None:
    """What to answer when this is the database being away, or None when it is something else."""
    return ServiceUnavailable(retry_after_s=RETRY_DATABASE_S) if is_outage(exc) else None


def _translate(exc: Exception) -> LinnetError | None:
    """DRF's and Django's own errors as ours. Their texts are dropped where they would repeat what was sent."""
    match exc:
        case LinnetError():
            return exc
        case exceptions.ValidationError():
            return InvalidFields(list(_field_problems(exc.detail, "")))
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return NotAuthenticated()
        case exceptions.PermissionDenied() | PermissionDenied():
            return NotPermitted()
        case exceptions.NotFound() | Http404():
            return NoSuchAddress()
        case exceptions.MethodNotAllowed():
            return MethodNotAllowed()
        case exceptions.UnsupportedMediaType():
            return UnsupportedBody([FieldProblem("Content-Type", "media_type", "must be application/json")])
        case exceptions.NotAcceptable():
            return NotAcceptable([FieldProblem("Accept", "media_type", "must allow application/json")])
        case exceptions.ParseError():
            return MalformedBody([FieldProblem("body", "json", "must be JSON")])
        case SuspiciousOperation():
            # Django's own bounds, such as that on the number of parameters.
            return MalformedBody([FieldProblem("request", "refused", "must be a request as the API describes it")])
    return service_unavailable(exc)


def _field_problems(detail: Any, path: str) -> Iterator[FieldProblem]:
    """DRF's nested errors, flattened: one entry a fault, with the path of its field."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            part = "" if name == "non_field_errors" else plain_name(str(name))
            yield from _field_problems(inner, f"{path}.{part}".strip("."))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _field_problems(inner, path)
    else:
        yield FieldProblem(path or "body", detail.code, str(detail))


def plain_name(name: str) -> str:
    """A field's name, if it is one and no prose; otherwise a star."""
    return name if _PLAIN_NAME.fullmatch(name) else "*"
