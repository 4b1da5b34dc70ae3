"""The client module on connections that come and go: what it tries again, how often, and what it says of it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, Route

from tests.browser.client import FAST_TIMERS, Client
from tests.browser.user import CALL, User, tone
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.refusals]

Open = Callable[[Stack], Page]

#: A machine that gives the lock when it is told to: how many were given, and how many are still held.
LOCKS = """() => {
    globalThis.locks = [];
    const given = new Promise((resolve) => { globalThis.giveLocks = resolve; });
    const request = async () => {
        const lock = Object.assign(new EventTarget(), { held: true });
        lock.release = async () => { lock.held = false; };
        locks.push(lock);
        await given;
        return lock;
    };
    Object.defineProperty(navigator, "wakeLock", { value: { request } });
}"""


def statuses(client: Client) -> list[str]:
    return [told["status"] for told in client.told("status")]


def listeners(page: Page, kind: str) -> int:
    """How many listen on the page's window for events of this kind."""
    devtools = page.context.new_cdp_session(page)
    window = devtools.send("Runtime.evaluate", {"expression": "window"})["result"]["objectId"]
    found = devtools.send("DOMDebugger.getEventListeners", {"objectId": window})["listeners"]
    return [listener["type"] for listener in found].count(kind)


def test_stream_that_closes_at_once_is_asked_for_less_and_less_often(
    demo: User, stack: Stack, client_page: Open
) -> None:
    page = client_page(stack)
    asked: list[str] = []

    def open_and_close(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(body=": heartbeat\n\n", headers={"Content-Type": "text/event-stream"})

    page.route("**/stream/", open_and_close)
    page.evaluate(FAST_TIMERS)
    client = Client(page)
    session, _ = demo.start()
    client.do("await session.watch(argument)", session)
    client.wait_for("offline")
    page.wait_for_timeout(2000)
    # Within what counts as half a minute.
    assert 3 <= len(asked) <= 8
    assert listeners(page, "offline") <= 1
    assert statuses(client) == ["connecting", "live", "offline"], "neither alternates"
    page.unroute("**/stream/")
    client.wait_for("live")
    assert statuses(client) == ["connecting", "live", "offline", "live"]


def test_connection_that_brings_something_is_a_good_one(demo: User, stack: Stack, client_page: Open) -> None:
    """However soon it is lost: a conversation over a line that is cut every moment goes on."""
    page = client_page(stack)
    session, lease = demo.start()
    demo.append(session, lease, [tone(f"{second}", second) for second in range(12)])

    def one_event(route: Route) -> None:
        last = route.request.url.partition("last_event_id=1%3A")[2]
        seq = int(last or 0) + 1
        event = {**tone(f"{seq - 1}", seq - 1), "seq": seq}
        body = f"event: tone-event\nid: 1:{seq}\ndata: {json.dumps(event)}\n\n"
        route.fulfill(body=body, headers={"Content-Type": "text/event-stream"})

    page.route("**/stream/**", one_event, times=10)
    client = Client(page)
    client.do("await session.watch(argument)", session)
    client.wait("session.events.length === 12")  # with waits that grow it were minutes
    assert client.labels == [f"{second}" for second in range(12)]
    assert statuses(client) == ["connecting", "live"]


def test_interaction_that_finds_nobody_is_told_later(demo: User, stack: Stack, client_page: Open) -> None:
    page = client_page(stack)
    client = Client(page)
    session = client.do("await session.start()")["id"]
    client.wait_for("live")
    before = demo.call("GET", f"sessions/{session}/")["last_activity_at"]
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if request.url.endswith("/touch/") else None)
    page.route("**/touch/", lambda route: route.abort(), times=2)
    with page.expect_response("**/touch/") as touched:
        page.mouse.click(5, 5)
    assert touched.value.ok
    assert len(asked) == 3
    assert len({request.post_data for request in asked}) == 1, "when it occurred, not when it was told"
    assert demo.call("GET", f"sessions/{session}/")["last_activity_at"] > before


def test_screen_is_kept_on_by_one_lock(demo: User, stack: Stack, client_page: Open) -> None:
    page = client_page(stack)
    page.evaluate(LOCKS)
    client = Client(page)
    client.do("await session.start()")
    client.wait_for("live")
    client.turn("hidden")
    client.turn("visible")
    client.wait_for("live")
    client.do("giveLocks()")
    client.wait("locks.length === 1 && locks[0].held")
    client.do("await session.end()")
    client.wait("locks.length === 1 && !locks[0].held")


def test_screen_is_not_kept_on_for_who_is_signed_out(demo: User, stack: Stack, client_page: Open) -> None:
    page = client_page(stack)
    page.evaluate(LOCKS)
    client = Client(page)
    session = client.do("giveLocks(), await session.start()")["id"]
    client.wait("locks.length === 1 && locks[0].held")
    page.route(f"**/sessions/{session}/", lambda route: route.fulfill(status=401, json={"detail": "…"}))
    assert client.do("await session.check()") is False
    assert client.status == "signed-out"
    client.wait("!locks[0].held")


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("pinned", "The session goes on until its deadline; connecting is tried again"),
        ("ephemeral", "An ephemeral session closes when nobody has been connected to it for its idle time."),
    ],
)
def test_what_is_said_of_a_lost_connection_is_so(
    policy: str, told: str, demo: User, stack: Stack, client_page: Open
) -> None:
    page = client_page(stack)
    page.evaluate(FAST_TIMERS)
    client = Client(page)
    client.do("await session.start({policy: argument})", policy)
    client.wait_for("live")
    page.context.set_offline(True)
    client.wait_for("offline")
    assert told in client.told("status")[-1]["because"]
    page.context.set_offline(False)
    client.wait_for("live")


def test_suspended_session_streams_nothing_and_misses_nothing(demo: User, stack: Stack, client_page: Open) -> None:
    page = client_page(stack)
    client = Client(page)
    session = client.do("await session.start()")["id"]
    client.wait_for("live")
    client.do("await session.append(argument)", CALL[:2])
    client.wait("session.events.length === 2")
    client.do("session.suspend()")
    assert (client.status, client.do("session.holdsLease")) == ("suspended", True)
    client.do("await session.append(argument)", CALL[2:])
    for visibility in ("hidden", "visible"):
        client.turn(visibility)
    page.wait_for_timeout(500)
    assert (client.status, len(client.labels)) == ("suspended", 2)
    client.do("await session.watch(argument)", session)
    client.wait_for("live")
    client.wait("session.events.length === 5")
    assert client.labels == [event["label"] for event in CALL]


def test_suspended_session_is_over_when_it_is(demo: User, stack: Stack, client_page: Open) -> None:
    client = Client(client_page(stack))
    session, lease = demo.start()
    client.do("await session.watch(argument)", session)
    client.wait_for("live")
    client.do("session.suspend()")
    demo.call("POST", f"sessions/{session}/end/", lease=lease)
    assert client.do("await session.check()") is False
    assert client.status == "over"


def test_session_that_cannot_be_read_at_first_is_followed_later(demo: User, stack: Stack, client_page: Open) -> None:
    page = client_page(stack)
    client = Client(page)
    session, lease = demo.start()
    demo.append(session, lease, CALL)
    busy = {"status": 503, "json": {"detail": "Busy.", "code": "X"}}
    page.route(f"**/sessions/{session}/", lambda route: route.fulfill(**busy), times=2)
    page.evaluate(FAST_TIMERS)
    client.do("void session.watch(argument).catch(() => {})", session)
    client.wait_for("live")
    client.wait("session.events.length === 5")


def test_suspended_session_is_not_lost_by_an_outage(demo: User, stack: Stack, client_page: Open) -> None:
    """It has no connection to lose; and it can be gone on with as soon as there is one."""
    page = client_page(stack)
    client = Client(page)
    session, _ = demo.start()
    client.do("await session.watch(argument)", session)
    client.wait_for("live")
    client.do("session.suspend()")
    page.evaluate(FAST_TIMERS)
    page.context.set_offline(True)
    for visibility in ("hidden", "visible"):
        client.turn(visibility)
    page.wait_for_timeout(1000)
    assert client.status == "suspended"
