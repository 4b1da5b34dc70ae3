"""Reading a request's body: plain JSON, of bounded size and depth."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from rest_framework.parsers import BaseParser

from sessions_app.errors import BodyTooLarge, FieldProblem, UnsupportedBody
from sessions_app.jsonbody import MAX_BODY_BYTES, read_object


class BoundedJSONParser(BaseParser):
    """One JSON object. The bytes stay on ``request.body`` for the idempotency key's comparison."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> dict[str, Any]:  # noqa: ARG002
        request = parser_context["request"]._request
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise UnsupportedBody(
                [FieldProblem("Content-Encoding", "encoding", "must not be set; send the body as it is")]
            )
        try:
            body = request.body
        except RequestDataTooBig:
            body = None
        if body is None or len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(
                [
                    FieldProblem(
                        "body",
                        "length",
                        f"must not be larger than {MAX_BODY_BYTES} bytes; send less at a time",
                    )
                ]
            )
        return read_object(body)
