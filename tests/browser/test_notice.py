"""What is told about the panel as a whole: an outage, an end of being signed in; and that nothing moves for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from tests.browser.panel import Panel
from tests.browser.user import User
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.refusals]

#: Counts how often something is told in the notice.
COUNT = """(notice) => {
    globalThis.told = 0;
    new MutationObserver((changes) => (globalThis.told += changes.length)).observe(notice, {childList: true});
}"""


def place(heading: Locator) -> float:
    box = heading.bounding_box()
    assert box is not None
    return box["y"]


@pytest.mark.parametrize("width", [1100, 320])
def test_outage_is_told_once_and_moves_nothing(
    width: int, demo: User, stack: Stack, open_context: Callable[..., BrowserContext]
) -> None:
    demo.closed()
    panel = Panel(open_context(stack, viewport={"width": width, "height": 900}).new_page()).open()
    expect(panel.notice).to_be_empty()
    heading = panel.page.get_by_role("heading", name="Live now")
    before = place(heading)
    panel.notice.evaluate(COUNT)
    panel.page.route("**/settings/panel/", lambda route: route.abort())
    again = panel.page.get_by_role("button", name="Read again now")
    with panel.page.expect_request("**/settings/panel/"):
        panel.page.evaluate("dispatchEvent(new Event('online'))")
    expect(again).to_be_visible()
    assert place(heading) == before
    for _ in range(2):
        with panel.page.expect_event("requestfailed"):
            again.click()
        expect(again).not_to_have_attribute("aria-disabled", "true")
    assert panel.page.evaluate("told") == 1, "what has not changed is not told again"
    panel.page.unroute("**/settings/panel/")
    again.click()
    expect(panel.notice).to_contain_text("It is read again")
    expect(panel.notice).to_be_focused()
    expect(again).to_be_hidden()
    assert place(heading) == before


def test_what_was_done_is_not_told_for_ever(panel: Panel, demo: User) -> None:
    demo.closed(topic="call-1")
    panel.page.clock.install()
    panel.open()
    panel.press("Delete…", panel.recent.first)
    panel.press("Delete it for good", panel.dialog)
    expect(panel.notice).to_contain_text("call-1 is deleted.")
    panel.look()
    expect(panel.notice).to_contain_text("call-1 is deleted.")
    panel.page.clock.fast_forward(21_000)
    panel.look()
    expect(panel.notice).to_be_empty()


def test_end_of_being_signed_in_clears_everything_and_is_told(panel: Panel, demo: User) -> None:
    demo.closed(topic="call-1")
    panel.open()
    panel.press("Resume", panel.recent.first)
    expect(panel.live.first).to_contain_text("This page holds the session")
    wishes = panel.section("Preferences")
    wishes.get_by_label("Show this many").fill("7")
    panel.press("Delete…", panel.recent.first)
    refused = {"status": 401, "json": {"detail": "No.", "code": "E-AUTH-001"}}
    panel.page.route("**/settings/panel/", lambda route: route.fulfill(**refused))
    panel.look()
    expect(panel.page.get_by_role("heading", name="You are not signed in")).to_be_focused()
    expect(panel.dialog).to_have_count(0)
    expect(panel.notice).to_contain_text("You are not signed in any more.")
    expect(panel.page.get_by_role("article")).to_have_count(0)
    panel.page.unroute("**/settings/panel/")
    panel.look()
    expect(panel.live.first).to_contain_text("This page holds the session")
    expect(wishes.get_by_label("Show this many")).to_have_value("10")


def test_reading_goes_on_after_an_answer_that_nobody_foresaw(panel: Panel, demo: User) -> None:
    panel.open()
    panel.page.evaluate("addEventListener('unhandledrejection', (event) => event.preventDefault())")
    panel.page.route("**/settings/panel/", lambda route: route.fulfill(json={"live": 1}))
    panel.look()
    panel.page.unroute("**/settings/panel/")
    demo.start(topic="call-1")
    expect(panel.live).to_have_count(1)
