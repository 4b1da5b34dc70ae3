"""The panel and the client module in a page of another origin: with a token, without cookies, with one tag."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from tests.browser.elsewhere import Elsewhere
from tests.browser.panel import Panel
from tests.browser.test_accessibility import violations
from tests.browser.user import CALL, User, tone
from tests.e2e.stack import Stack

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><html lang="en"><title>Elsewhere</title><link rel="icon" href="data:,">
<style>* {{ color: red !important; font-size: 40px }}</style>
<script>customElements.whenDefined("linnet-panel").then(() => document.querySelector("linnet-panel").token = {token});
</script>
<script type="module" src="{service}/static/sessions_app/linnet-panel.js"></script>
<main><h1>Elsewhere</h1><linnet-panel base="{service}/api/v1/"></linnet-panel></main></html>"""


@pytest.mark.refusals  # until the token is there, nobody is known
def test_panel_in_a_page_of_another_origin(
    demo: User, stack: Stack, other_origin: Elsewhere, open_context: Callable[..., BrowserContext]
) -> None:
    service = f"http://127.0.0.1:{stack.port}"
    other_origin.page = PAGE.format(service=service, token=json.dumps(demo.token))
    receipt = demo.closed(topic="call-1")
    session, lease = demo.start(topic="call-2")
    page = open_context(stack, other_origin.host).new_page()
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    page.goto(other_origin.origin)
    panel = Panel(page)
    card = panel.live.first
    expect(card.get_by_role("heading")).to_have_text("Session “call-2”")
    demo.append(session, lease, [*CALL, tone("Grateful", 40)])
    expect(card.get_by_role("listitem").last).to_contain_text("Grateful")
    with page.expect_download() as downloading:
        panel.press("Export", panel.recent.first)
    assert json.loads(Path(downloading.value.path()).read_text())["session"] == receipt["session"]
    panel.press("Keep", panel.recent.first)
    expect(panel.recent.first).to_contain_text("You chose to keep it.")
    assert not [request.url for request in asked if demo.token in request.url]
    assert not [request.url for request in asked if "cookie" in request.all_headers()]
    assert demo.token not in page.evaluate("() => document.querySelector('linnet-panel').outerHTML")
    # The page's own style stays outside.
    assert card.evaluate("(card) => getComputedStyle(card).color") != "rgb(255, 0, 0)"


#: A page of the service's own origin in other words and from right to left, with a narrow place for the panel.
NARROW = """() => {
    document.documentElement.lang = "ar";
    document.documentElement.dir = "rtl";
    document.querySelector("linnet-panel").style.maxWidth = "22rem";
}"""


@pytest.fixture
def light_page(other_origin: Elsewhere, demo: User, stack: Stack, open_context: Callable[..., BrowserContext]) -> Page:
    """A page that is white whatever the person's choice is, which is dark."""
    service = f"http://127.0.0.1:{stack.port}"
    page = PAGE.replace("* {{ color: red !important; font-size: 40px }}", "body {{ background: white; color: black }}")
    other_origin.page = page.format(service=service, token=json.dumps(demo.token))
    opened = open_context(stack, other_origin.host, color_scheme="dark").new_page()
    opened.goto(other_origin.origin)
    return opened


@pytest.mark.refusals
def test_panel_can_be_read_in_a_light_page_by_who_chose_dark(light_page: Page, demo: User) -> None:
    demo.closed()
    panel = Panel(light_page)
    expect(panel.recent).to_have_count(1)
    assert violations(panel) == []


@pytest.mark.refusals
def test_look_follows_the_room_and_words_keep_their_direction(light_page: Page, demo: User) -> None:
    demo.start()
    panel = Panel(light_page)
    expect(panel.live).to_have_count(1)
    clocks = panel.live.first.locator("dl.clocks")
    columns = "(clocks) => getComputedStyle(clocks).gridTemplateColumns.split(' ').length"
    assert clocks.evaluate(columns) == 2
    light_page.evaluate(NARROW)
    assert clocks.evaluate(columns) == 1
    assert panel.overflowing() == []
    panel.press("End this session…", panel.live.first)
    assert panel.dialog.evaluate("(dialog) => [dialog.lang, getComputedStyle(dialog).direction]") == ["en", "ltr"]


@pytest.mark.refusals
def test_page_can_hide_the_panel_and_say_its_token_again(light_page: Page, demo: User) -> None:
    demo.closed()
    panel = Panel(light_page)
    panel.recent.first.get_by_text("Timeline", exact=True).click()
    expect(panel.recent.first.get_by_role("img").first).to_be_visible()
    light_page.evaluate("(token) => { document.querySelector('linnet-panel').token = token; }", demo.token)
    assert panel.recent.first.get_by_role("img").count() == 2, "nothing is read anew"
    light_page.evaluate("() => { document.querySelector('linnet-panel').hidden = true; }")
    expect(light_page.locator("linnet-panel")).to_be_hidden()
