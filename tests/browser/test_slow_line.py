"""The client module on a line that is slow, or goes silent: what takes long is not what has failed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.client import FAST_TIMERS, Client
from tests.browser.panel import Panel
from tests.browser.user import User, tone
from tests.e2e.stack import Stack

pytestmark = pytest.mark.browser

Open = Callable[[Stack], Page]

#: What 2,000 events are on the way takes longer than that.
BYTES_PER_S = 120_000


def slow_down(page: Page) -> None:
    line = {"offline": False, "latency": 0, "downloadThroughput": BYTES_PER_S, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", line)


def kept(demo: User) -> str:
    """A long session that has closed: the id of its snapshot."""
    events = [tone("Calm and a little tired", second) for second in range(500)]
    session, lease = demo.start()
    for _ in range(4):
        demo.append(session, lease, events)
    snapshot: str = demo.call("POST", f"sessions/{session}/end/", lease=lease)["snapshot"]["id"]
    return snapshot


def test_long_answer_arrives_on_a_slow_line(demo: User, stack: Stack, client_page: Open) -> None:
    page = client_page(stack)
    client = Client(page)
    snapshot = kept(demo)
    slow_down(page)
    page.evaluate(FAST_TIMERS)
    read = "(async () => { const begun = Date.now(); const answer = await new Api().call('GET', argument); "
    read += "return [answer.events.length, Date.now() - begun]; })()"
    events, took_ms = client.do(f"await {read}", f"snapshots/{snapshot}/content/")
    assert events == 2000
    assert took_ms > 1500, "as fast as this nothing is proven"


def test_export_that_is_cut_off_says_so(demo: User, panel: Panel) -> None:
    demo.closed()
    panel.open()
    cut = "Promise.reject(new TypeError('network error'))"  # as the browser puts it, half-way through an answer
    panel.page.evaluate(f"() => {{ Response.prototype.blob = () => {cut}; }}")
    panel.press("Export", panel.recent.first)
    expect(panel.recent.first).to_contain_text("The service can't be reached at the moment.")


@pytest.mark.refusals
def test_line_that_goes_silent_is_given_up(demo: User, stack: Stack, client_page: Open) -> None:
    page = client_page(stack)
    client = Client(page)
    unanswered: list[Route] = []
    page.route("**/settings/panel/", lambda route: unanswered.append(route))
    page.evaluate(FAST_TIMERS)
    assert client.refused("new Api().call('GET', 'settings/panel/')") == "Unreachable"
    for route in unanswered:
        route.abort()
