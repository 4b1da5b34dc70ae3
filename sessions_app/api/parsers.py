"""Reading a request's body: plain JSON, of bounded size and depth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.core.exceptions import RequestDataTooBig
from rest_framework.parsers import BaseParser

from sessions_app.errors import BodyTooLarge, FieldProblem, UnsupportedBody
from sessions_app.jsonbody import MAX_BODY_BYTES, MAX_JOURNAL_BYTES, parse_object, read_object

#: Where an annotator appends. Its bodies may be larger than others.
JOURNAL_PATH = "/api/v1/journal/"


def body_too_large(limit: int) -> BodyTooLarge:
    """The error for a body over this many bytes."""
    return BodyTooLarge([FieldProblem("body", "length", f"must not be larger than {limit} bytes; send less at a time")])


class BoundedJSONParser(BaseParser):
    """One JSON object. The bytes stay on ``request.body`` for the idempotency key's comparison."""

    media_type = "application/json"
    max_bytes: ClassVar[int] = MAX_BODY_BYTES
    read: ClassVar[Callable[[bytes], dict[str, Any]]] = staticmethod(read_object)

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> dict[str, Any]:  # noqa: ARG002
        request = parser_context["request"]._request
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise UnsupportedBody(
                [FieldProblem("Content-Encoding", "encoding", "must not be set; send the body as it is")]
            )
        try:
            body = request.body
        except RequestDataTooBig:
            raise body_too_large(self.max_bytes) from None
        if len(body) > self.max_bytes:
            raise body_too_large(self.max_bytes)
        return self.read(body)


class JournalParser(BoundedJSONParser):
    """The body of a bulk append: what is wrong inside one batch is that batch's affair."""

    max_bytes = MAX_JOURNAL_BYTES
    read = staticmethod(parse_object)
