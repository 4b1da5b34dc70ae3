"""Oversized bodies never reach Django, which would spool them to disk."""

import asyncio
import json
from typing import Any

import pytest

from linnet_sessions.body_limit import BodyLimit
from sessions_app.jsonbody import MAX_BODY_BYTES, MAX_JOURNAL_BYTES


def ask(headers: dict[str, str], path: str = "/api/v1/sessions/") -> tuple[bool, int, dict[str, Any]]:
    """Whether the request got through; else the status and the document of the answer."""
    reached = False
    sent: list[Any] = []

    async def application(*_args: Any) -> None:
        nonlocal reached
        reached = True

    async def receive() -> Any:
        raise AssertionError("the body must not be read")

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": path, "headers": raw}
    asyncio.run(BodyLimit(application)(scope, receive, send))
    if reached:
        return True, 0, {}
    assert (b"content-type", b"application/problem+json") in sent[0]["headers"]
    return False, sent[0]["status"], json.loads(sent[1]["body"])


@pytest.mark.parametrize("length", ["0", "17", str(MAX_BODY_BYTES)])
def test_body_within_the_limit_passes(length: str) -> None:
    assert ask({"content-length": length})[0]


def test_request_without_a_body_passes() -> None:
    assert ask({})[0]


@pytest.mark.parametrize("length", [str(MAX_BODY_BYTES + 1), "9" * 30, "-1", "many", "1e3", ""])
def test_body_over_the_limit_is_refused(length: str) -> None:
    reached, status, document = ask({"content-length": length})
    assert not reached
    assert (status, document["code"], document["field"]) == (413, "E-REQUEST-002", "body")


def test_bulk_append_may_carry_more() -> None:
    assert ask({"content-length": str(MAX_JOURNAL_BYTES)}, "/api/v1/journal/")[0]
    assert ask({"content-length": str(MAX_JOURNAL_BYTES + 1)}, "/api/v1/journal/")[1] == 413


def test_body_of_unknown_length_is_refused() -> None:
    reached, status, document = ask({"transfer-encoding": "chunked"})
    assert not reached
    assert (status, document["code"]) == (411, "E-REQUEST-008")
