"""The client module when the page is hidden, the network is away, the service is killed, or time is up."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from playwright.sync_api import Page, Route

from tests.browser.client import FAST_TIMERS, Client
from tests.browser.user import CALL, User, tone
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.refusals]

Open = Callable[[Stack], Page]


def test_hidden_page_streams_nothing_and_misses_nothing(demo: User, stack: Stack, client_page: Open) -> None:
    client = Client(client_page(stack))
    session, lease = demo.start()
    demo.append(session, lease, [tone("before", 1)])
    client.do("await session.watch(argument)", session)
    client.wait("session.events.length === 1")
    client.turn("hidden")
    client.wait_for("hidden")
    demo.append(session, lease, [tone("meanwhile", 2)])
    client.page.wait_for_timeout(700)
    assert client.labels == ["before"]
    client.turn("visible")
    client.wait_for("live")
    client.wait("session.events.length === 2")
    demo.append(session, lease, [tone("after", 3)])
    client.wait("session.events.length === 3")
    assert client.labels == ["before", "meanwhile", "after"]


def test_page_that_was_asleep_too_long_says_timed_out_and_can_resume(
    hasty_demo: User, hasty: Stack, client_page: Open
) -> None:
    client = Client(client_page(hasty))
    session = client.do("await session.start()")["id"]
    client.do("await session.append(argument)", CALL)
    client.turn("hidden")
    hasty.wait(lambda: hasty_demo.live() == [], "the session to close")
    client.turn("visible")
    client.wait_for("over")
    told = client.told("status")[-1]
    assert told["because"] == "This session closed because nothing happened in it for the length of its idle time."
    assert (told["closeReason"], told["session"]) == ("idle", session)
    assert client.do("[session.events, session.holdsLease, session.rememberedId]") == [[], False, None]
    back = client.do("await session.resume()")
    assert back["resumed_from"]["session"] == session
    client.wait_for("live")
    [history] = client.told("history")
    assert "because" not in history
    assert len(history["events"]) == 5


def test_attach_that_fails_forgets_nothing(demo: User, stack: Stack, client_page: Open) -> None:
    page = client_page(stack)
    session = Client(page).do("await session.start()")["id"]
    page.reload()
    client = Client(page)
    page.route("**/attach/", lambda route: route.fulfill(status=503, json={"detail": "Busy.", "code": "X"}))
    assert client.refused("session.attach()") == "Problem X"
    assert client.do("session.rememberedId") == session
    page.unroute("**/attach/")
    other, _ = demo.start(topic="another")
    client.do("await session.watch(argument)", other)
    assert client.do("session.rememberedId") == session
    client.do("session.leave()")
    assert client.do("[session.id, session.rememberedId]") == [None, session]
    page.reload()
    client = Client(page)
    assert client.do("await session.attach()")["lease"]["epoch"] == 2


def test_offline_page_connects_again_by_itself(demo: User, stack: Stack, client_page: Open) -> None:
    client = Client(client_page(stack))
    session, lease = demo.start()
    demo.append(session, lease, [tone("before", 1)])
    client.do("await session.watch(argument)", session)
    client.wait("session.events.length === 1")
    client.page.evaluate(FAST_TIMERS)
    client.page.context.set_offline(True)
    client.wait_for("offline")
    demo.append(session, lease, [tone("meanwhile", 2)])
    client.page.context.set_offline(False)
    client.wait_for("live")
    client.wait("session.events.length === 2")
    assert client.labels == ["before", "meanwhile"]


def test_append_outlives_a_killed_service_and_is_stored_once(demo: User, stack: Stack, client_page: Open) -> None:
    client = Client(client_page(stack))
    session = client.do("await session.start()")["id"]
    client.wait_for("live")
    client.do("await session.append(argument)", [tone("before", 1)])
    client.page.evaluate(FAST_TIMERS)
    stack.kill_web()
    try:
        client.do("void (globalThis.pending = Promise.all(argument.map((event) => session.append([event]))))", CALL)
        client.wait_for("offline")
    finally:
        stack.start_web()
    answers = client.do("await pending")
    assert [answer["last_seq"] for answer in answers] == [2, 3, 4, 5, 6]
    stored = demo.call("GET", f"sessions/{session}/events/")["events"]
    assert [event["label"] for event in stored] == ["before", *(event["label"] for event in CALL)]
    client.wait_for("live")
    client.wait("session.events.length === 6")
    assert client.labels == ["before", *(event["label"] for event in CALL)]


def test_append_whose_answer_is_lost_is_stored_once(demo: User, stack: Stack, client_page: Open) -> None:
    page = client_page(stack)
    client = Client(page)
    session = client.do("await session.start()")["id"]

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/events/", lose_the_answer, times=1)
    assert client.do("await session.append(argument)", CALL)["last_seq"] == 5
    assert demo.call("GET", f"sessions/{session}/")["events"] == 5


def test_page_expires_its_session_alone_when_nobody_answers(hasty_demo: User, hasty: Stack, client_page: Open) -> None:
    client = Client(client_page(hasty))
    session = client.do("await session.start()")["id"]
    client.do("await session.append(argument)", CALL)
    client.wait("session.events.length === 5")
    hasty.kill_web()
    try:
        client.wait_for("over", timeout_ms=15_000)
        told = client.told("status")[-1]
        assert "timed out while the service could not be reached" in told["because"]
        held = "[session.events, session.labels, session.holdsLease, session.rememberedId, localStorage.length]"
        assert client.do(held) == [[], {}, False, None, 0]
        assert client.told("cleared")
    finally:
        hasty.start_web()
    # Nothing was lost by it: the service closed it in its own time, and it can be brought back.
    hasty.wait(lambda: hasty_demo.call("GET", f"sessions/{session}/")["state"] == "closed", "the session to close")
    snapshot = hasty_demo.call("GET", f"sessions/{session}/")["snapshot"]["id"]
    assert client.do("(await session.resume(argument)).resumed_from.events", snapshot) == 5


def test_activity_elsewhere_keeps_the_page_from_expiring_it(hasty_demo: User, hasty: Stack, client_page: Open) -> None:
    """Though the stream is closed: the page asks when its own time is up."""
    client = Client(client_page(hasty))
    session, lease = hasty_demo.start()
    client.do("await session.watch(argument)", session)
    client.turn("hidden")
    for _ in range(4):
        client.page.wait_for_timeout(1600)
        hasty_demo.call("POST", f"sessions/{session}/touch/", {}, lease=lease)
    assert client.status == "hidden"
    client.turn("visible")
    client.wait_for("live")


def test_notice_comes_before_the_deadline(hasty_demo: User, hasty: Stack, client_page: Open) -> None:
    hasty_demo.call("PATCH", "settings/", {"notice_lead_s": 3})
    client = Client(client_page(hasty))
    client.do("await session.start()")
    client.wait("told.some(([name]) => name === 'notice')")
    assert client.told("notice")[0]["because"] == "It closes then unless something happens in it before."
    told = client.do("told.map(([name, detail]) => (name === 'status' ? detail.status : name))")
    assert "live" in told[: told.index("notice")]
    assert "over" not in told[: told.index("notice")]
    client.wait_for("over")
    assert "idle time" in client.told("status")[-1]["because"]


def test_wrong_clock_of_the_machine_changes_nothing(hasty_demo: User, hasty: Stack, client_page: Open) -> None:
    """Half an hour fast: by that clock every deadline is past."""
    page = client_page(hasty)
    page.evaluate("() => { const now = Date.now; Date.now = () => now() + 1_800_000; }")
    client = Client(page)
    client.do("await session.start()")
    client.wait_for("live")
    with page.expect_response("**/touch/") as touched:
        page.mouse.click(5, 5)
    assert touched.value.status == 200
    client.page.wait_for_timeout(1500)
    assert client.status == "live"


@pytest.mark.parametrize("because", ["slow_reader", "shutdown", "unavailable"])
def test_stream_that_is_closed_is_opened_again(because: str, demo: User, stack: Stack, client_page: Open) -> None:
    """The stream's end is not the session's."""
    page = client_page(stack)
    body = f'event: lease-event\ndata: {{"event": "closed", "because": "{because}"}}\n\n'
    page.route(
        "**/stream/", lambda route: route.fulfill(body=body, headers={"Content-Type": "text/event-stream"}), times=1
    )
    client = Client(page)
    session, lease = demo.start()
    demo.append(session, lease, CALL)
    client.do("await session.watch(argument)", session)
    client.wait("session.events.length === 5")
    assert [told["status"] for told in client.told("status")] == ["connecting", "live"]


def test_stream_that_is_one_too_many_is_asked_for_again_and_less_often(
    demo: User, stack: Stack, client_page: Open
) -> None:
    page = client_page(stack)
    refusals: list[float] = []

    def refuse(route: Route) -> None:
        refusals.append(time.monotonic())
        route.fulfill(status=429, json={"code": "E-REQUEST-011", "detail": "…"})

    page.route("**/stream/", refuse, times=3)
    page.evaluate("() => { Math.random = () => 0.5; }")  # each wait is twice the one before
    client = Client(page)
    session, lease = demo.start()
    demo.append(session, lease, CALL)
    client.do("await session.watch(argument)", session)
    client.wait("session.events.length === 5")
    assert [told["status"] for told in client.told("status")] == ["connecting", "live"]
    waits = [later - earlier for earlier, later in pairwise(refusals)]
    assert 0.3 < waits[0] < waits[1]
