"""The ASGI handler: a whole request in one thread of a fixed number."""

import asyncio
import threading
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from linnet_sessions.handler import ThreadedHandler

pytestmark = pytest.mark.django_db

#: The threads in which parts of the last requests ran.
seen: list[tuple[str, int]] = []
gate = threading.Barrier(3, timeout=10)


@csrf_exempt
def echo(request: HttpRequest) -> HttpResponse:
    seen.append(("view", threading.get_ident()))
    answer = JsonResponse({"method": request.method, "body": request.body.decode(), "query": request.GET.dict()})
    answer.set_cookie("one", "1")
    answer.set_cookie("two", "2")
    return answer


def meet(_request: HttpRequest) -> HttpResponse:
    gate.wait()
    return HttpResponse(b"met")


def fail(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("CANARY")


urlpatterns = [path("echo/", echo), path("meet/", meet), path("api/fail/", fail)]
handler500 = "sessions_app.views.pages.server_error"


@pytest.fixture(autouse=True)
def _addresses(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    seen.clear()


def scope(address: str, method: str = "GET", query: bytes = b"") -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": address,
        "query_string": query,
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 80),
        "root_path": "",
    }


async def ask(handler: ThreadedHandler, asked: dict[str, Any], *messages: dict[str, Any]) -> list[Any]:
    waiting = iter(messages or ({"type": "http.request", "body": b""},))
    sent: list[Any] = []

    async def receive() -> Any:
        return next(waiting)

    async def send(message: Any) -> None:
        sent.append(message)

    await handler(asked, receive, send)
    return sent


def test_body_in_parts_query_and_cookies_arrive() -> None:
    parts = [
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request", "body": "é".encode(), "more_body": True},
        {"type": "http.request"},
    ]
    start, body = asyncio.run(ask(ThreadedHandler(1), scope("/echo/", "POST", b"x=1"), *parts))
    assert start["status"] == 200
    cookies = [value for name, value in start["headers"] if name == b"Set-Cookie"]
    assert cookies == [b"one=1; Path=/", b"two=2; Path=/"]
    assert body == {
        "type": "http.response.body",
        "body": b'{"method": "POST", "body": "a\\u00e9", "query": {"x": "1"}}',
    }


def test_all_of_a_request_is_in_one_thread_and_threads_are_used_again() -> None:
    def note(sender: Any, **_more: Any) -> None:
        seen.append((sender.__name__, threading.get_ident()))

    request_started.connect(note)
    request_finished.connect(note)
    try:
        handler = ThreadedHandler(1)
        for _ in range(3):
            asyncio.run(ask(handler, scope("/echo/")))
    finally:
        request_started.disconnect(note)
        request_finished.disconnect(note)
    assert [name for name, _ in seen] == ["ThreadedHandler", "view", "ThreadedHandler"] * 3
    [thread] = {thread for _, thread in seen}
    assert thread != threading.get_ident()


def test_requests_run_beside_each_other() -> None:
    """Three requests that wait for each other: with fewer threads none would end."""

    async def three() -> list[Any]:
        handler = ThreadedHandler(3)
        return await asyncio.gather(*(ask(handler, scope("/meet/")) for _ in range(3)))

    assert [sent[1]["body"] for sent in asyncio.run(three())] == [b"met"] * 3


def test_caller_who_leaves_before_the_end_of_the_body_gets_nothing() -> None:
    gone = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}]
    assert asyncio.run(ask(ThreadedHandler(1), scope("/echo/", "POST"), *gone)) == []
    assert seen == []


def test_fault_in_a_view_is_a_problem_without_its_text() -> None:
    start, body = asyncio.run(ask(ThreadedHandler(1), scope("/api/fail/")))
    assert start["status"] == 500
    assert b"E-SERVICE-001" in body["body"]
    assert b"CANARY" not in body["body"]


def test_address_that_is_no_text_is_a_bad_request() -> None:
    start, _ = asyncio.run(ask(ThreadedHandler(1), scope("/echo/", query=b"\xff")))
    assert start["status"] == 400


def test_anything_but_http_is_refused() -> None:
    with pytest.raises(ValueError, match="only HTTP"):
        asyncio.run(ask(ThreadedHandler(1), {"type": "websocket"}))
