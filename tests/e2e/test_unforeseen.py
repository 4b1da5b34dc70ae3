"""Exceptions that nobody foresaw: the log says where and of which class, and never what they quote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException

import pytest

from tests.e2e.recordings import spellings
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

SEND = "from linnet_sessions.celery import app; app.send_task('tests.unforeseen')"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("unforeseen")
    yield from Stack(folder, DJANGO_SETTINGS_MODULE="tests.e2e.unforeseen.settings").running()


def logged(stack: Stack, process: str, said: str) -> str:
    """What the process wrote, once it has told of the fault."""
    file = stack.out / f"{process}.log"
    stack.wait(lambda: said in file.read_text(), f"the {process} process to log {said!r}")
    return file.read_text()


def check(stack: Stack, output: str) -> None:
    """The fault can be found from the log, and nothing that it quotes."""
    for place, content in [*stack.at_rest(), ("the output", output.encode())]:
        assert not [spelling for spelling in spellings() if spelling in content], place
    assert "in fail" in output
    assert "builtins.KeyError" in output


def test_fault_in_a_view(stack: Stack) -> None:
    status, answer = stack.call("GET", "unforeseen/view/")
    assert (status, answer["code"]) == (500, "E-SERVICE-001")
    output = logged(stack, "web", "ERROR django.request Internal Server Error: /api/v1/unforeseen/view/")
    check(stack, output)


def test_fault_in_a_stream(stack: Stack) -> None:
    with suppress(OSError, HTTPException, ValueError):
        stack.call("GET", "unforeseen/stream/")
    check(stack, logged(stack, "web", "ERROR uvicorn.error Exception in ASGI application"))


def test_fault_in_a_task(stack: Stack) -> None:
    stack.launch("send", "-c", SEND)
    assert stack.ended("send") == 0
    output = logged(stack, "worker", "raised unexpected: ValueError")
    check(stack, output)
