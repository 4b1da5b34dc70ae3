"""The API's description (OpenAPI): what all calls have in common is added here, once, by drf-spectacular's own means.

What one call has of its own stands at its action, in ``extend_schema``.
"""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from sessions_app.api.identity import CLOUD_COOKIE
from sessions_app.api.origin import SAFE_METHODS
from sessions_app.api.problems import CONTENT_TYPE
from sessions_app.conf import conf
from sessions_app.errors import all_errors
from sessions_app.modes import Mode

#: What every call may be answered with, whatever it does: by the middleware, the parsers, the limits, or for a fault.
OF_ALL = (400, 401, 403, 404, 406, 411, 413, 500, 503)
OF_WRITES = (429,)
OF_BODIES = (415, 422)


class FieldFault(serializers.Serializer[Any]):
    """One fault in what was sent: where it is, a stable code, and a sentence for a person."""

    field = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class ProblemOutput(serializers.Serializer[Any]):
    """A problem document (RFC 9457) with a stable code. Some codes have further members."""

    type = serializers.CharField(help_text="Leads to what the code means.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What happened, and what to do next.")
    code = serializers.CharField()
    field = serializers.CharField(required=False, help_text="The first field at fault.")
    errors = FieldFault(many=True, required=False)
    index = serializers.IntegerField(required=False, help_text="Which event is at fault, counted from 0.")
    close_reason = serializers.CharField(required=False)
    snapshot = serializers.DictField(
        required=False, allow_null=True, help_text="What is kept of a session that is over; null: nothing."
    )
    live = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="The sessions that hold all the places."
    )
    tier = serializers.CharField(required=False)
    required_tier = serializers.CharField(required=False)
    retry_after_s = serializers.IntegerField(required=False, help_text="Seconds.")


def problems(*statuses: int) -> dict[Any, Any]:
    """The error answers that a call has beside those of all calls, for ``extend_schema``."""
    return {(status, CONTENT_TYPE): OpenApiResponse(ProblemOutput, description=_codes(status)) for status in statuses}


class Description(AutoSchema):
    """How each call is described. A view's ``further_security`` names other ways in than a user's."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            problem = {CONTENT_TYPE: {"schema": self.resolve_serializer(ProblemOutput(), "response").ref}}
            for status in self._common_statuses():
                common = {"content": problem, "description": _codes(status)}
                operation["responses"].setdefault(str(status), common)
            operation["responses"] = dict(sorted(operation["responses"].items()))
        return operation

    def get_summary(self) -> str:
        """What it does, without the particulars: the first clause of its description."""
        return re.split(r"[.:;](?=\s|$)|,? \(", self.get_description(), maxsplit=1)[0]

    def get_auth(self) -> list[Any]:
        # Without the "nobody at all" that a view without a permission would get: the stream asks for a ticket itself.
        known = [way for way in super().get_auth() if way]
        by_being_here = conf.mode is Mode.SELF_HOSTED and conf.self_hosted_user
        return [*known, *getattr(self.view, "further_security", []), *([{}] if by_being_here else [])]

    def _common_statuses(self) -> tuple[int, ...]:
        if self.method in SAFE_METHODS:
            return OF_ALL
        return (*OF_ALL, *OF_WRITES, *(OF_BODIES if self.method in {"POST", "PATCH"} else ()))


class Credentials(OpenApiAuthenticationExtension):
    """The ways of being known. One of them is enough; a cookie counts, for what writes, only with the page's proof."""

    target_class = "sessions_app.api.authentication.MiddlewareAuthentication"
    name = ["tokenAuth", "cookieAuth", "csrfToken", "bearerAuth", "cloudCookieAuth", "annotatorAuth", "ticketAuth"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        proof: dict[str, list[Any]] = {} if auto_schema.method in SAFE_METHODS else {"csrfToken": []}
        ways: list[dict[str, list[Any]]] = [{"tokenAuth": []}, {"cookieAuth": [], **proof}]
        if conf.mode is Mode.CLOUD:
            ways += [{"bearerAuth": []}, {"cloudCookieAuth": [], **proof}]
        return ways

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:  # noqa: ARG002
        return [
            _key("header", "Authorization", "A user's API token: `Token lna_…`, from `manage.py issue_token`."),
            _key("cookie", "sessionid", "Signed in to this service, as in its own pages."),
            _key(
                "header",
                "X-CSRFToken",
                "With a cookie, for what changes something; a page of this service needs none. In a self-hosted "
                "installation, whoever asks from its own machine needs no credentials at all.",
            ),
            {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "In the cloud: Linnet's JWT."},
            _key("cookie", CLOUD_COOKIE, "In the cloud: Linnet's JWT."),
            _key(
                "header",
                "Authorization",
                "An annotator's token: `Token lnj_…`, from `manage.py issue_annotator_token`. It appends to live "
                "sessions, and does nothing else.",
            ),
            _key("query", "ticket", "For one stream, once: from `POST sessions/{id}/tickets/`."),
        ]


def _key(where: str, name: str, description: str) -> dict[str, str]:
    return {"type": "apiKey", "in": where, "name": name, "description": description}


def _codes(status: int) -> str:
    codes = [error.code for error in all_errors() if getattr(error, "status", None) == status]
    return f"A problem document. Codes with this status: {', '.join(codes)}."


def as_markdown(result: Any, **_hook: Any) -> Any:
    """A postprocessing hook: docstrings have ``double`` backticks, where the descriptions' Markdown has single ones."""
    if isinstance(result, dict):
        return {
            name: value.replace("``", "`")
            if name in {"description", "summary"} and isinstance(value, str)
            else as_markdown(value)
            for name, value in result.items()
        }
    return [as_markdown(value) for value in result] if isinstance(result, list) else result
