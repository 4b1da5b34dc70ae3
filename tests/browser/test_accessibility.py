"""Every state of the panel: no violation that axe knows, in light and dark; and no sideways scrolling at any size."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, expect

from tests.browser.panel import Panel
from tests.browser.test_states import use_token
from tests.browser.user import CALL, User
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.refusals]

#: The levels that are promised, and what goes beyond them.
RULES = {
    "resultTypes": ["violations"],
    "preload": False,
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "320 px": {"color_scheme": "light", "viewport": {"width": 320, "height": 720}},
    # As a browser does it: half as many CSS pixels, each twice as large.
    "200 percent": {"color_scheme": "dark", "viewport": {"width": 550, "height": 450}, "device_scale_factor": 2},
}


def states(panel: Panel, demo: User) -> Iterator[str]:
    """Brings the panel into each of its states; the name of the state it is in."""
    panel.open()
    yield "empty"

    demo.closed(topic="call-16")
    session, lease = demo.start(topic="call-17")
    demo.append(session, lease, CALL)
    live, card = panel.live.first, panel.recent.first
    expect(live).to_contain_text("Relieved")
    expect(card).to_be_visible()
    yield "live and last"

    card.get_by_text("Timeline", exact=True).click()
    card.get_by_text("The same as a table").click()
    expect(card.get_by_role("table")).to_be_visible()
    yield "timeline and table"

    for name, within in [
        ("End this session…", live),
        ("Name the speakers…", card),
        ("Keep for less time…", card),
        ("Delete…", card),
    ]:
        panel.press(name, within)
        expect(panel.dialog).to_be_visible()
        yield f"dialog: {name}"
        panel.page.keyboard.press("Escape")

    panel.press("Keep", card)
    expect(card).to_contain_text("It is kept until you delete it")
    wishes = panel.section("Preferences")
    wishes.get_by_label("Show this many").fill("999")
    panel.press("Save preferences", wishes)
    yield "wrong preference"

    panel.press("End this session…", live)
    panel.press("End the session", panel.dialog)
    expect(panel.receipts).to_have_count(1)
    yield "receipt"

    panel.press("Resume this session", panel.receipts.first)
    expect(live.get_by_role("listitem").last).to_contain_text("The earlier session ended here")
    yield "resumed"

    panel.page.context.set_offline(True)
    expect(panel.notice).to_contain_text("offline")
    yield "offline"
    panel.page.context.set_offline(False)

    use_token(panel, "lna_" + "x" * 60)
    expect(panel.page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    yield "not signed in"


def violations(panel: Panel) -> list[str]:
    """What axe finds, with the place of each."""
    found = Axe().run(panel.page, options=RULES).response["violations"]
    return [f"{fault['id']}: {node['target']}" for fault in found for node in fault["nodes"]]


@pytest.mark.parametrize("look", LOOKS)
def test_every_state_is_accessible_and_fits(
    look: str, demo: User, stack: Stack, open_context: Callable[..., BrowserContext], shots: Path | None
) -> None:
    panel = Panel(open_context(stack, **LOOKS[look]).new_page())
    faults = []
    for number, state in enumerate(states(panel, demo)):
        faults += [f"{state}: {element}" for element in panel.overflowing()]
        # What axe finds depends on colours, not on sizes, and it takes a second each time.
        if "viewport" not in LOOKS[look]:
            faults += [f"{state}: {fault}" for fault in violations(panel)]
        if shots:
            panel.page.screenshot(
                path=shots / f"{look} {number} {state.strip('…')}.png", full_page="dialog" not in state
            )
    assert faults == []
    assert number == 11


#: How far two colours are apart, as WCAG counts it.
CONTRAST = """(line) => {
    const shine = (colour) => {
        const parts = colour.match(/[0-9.]+/g).slice(0, 3).map((part) => part / 255);
        const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [one, other] = [getComputedStyle(line).stroke, getComputedStyle(line.closest("article")).backgroundColor];
    const [low, high] = [shine(one), shine(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
}"""


@pytest.mark.parametrize("look", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"forced_colors": "active"}])
def test_lines_of_a_timeline_can_be_seen(
    look: dict[str, Any], demo: User, stack: Stack, open_context: Callable[..., BrowserContext]
) -> None:
    demo.closed()
    panel = Panel(open_context(stack, **look).new_page()).open()
    card = panel.recent.first
    card.get_by_text("Timeline", exact=True).click()
    for line in ("line.middle", "line.tick"):
        assert card.locator(line).first.evaluate(CONTRAST) >= 3
    if "forced_colors" in look:
        expect(card.locator("text.tick").first).to_have_css("fill", "rgb(0, 0, 0)")
        expect(card.locator("line.middle").first).to_have_css("stroke", "rgb(0, 0, 0)")


def test_dialog_is_described_by_what_it_says(panel: Panel, demo: User) -> None:
    """Who hears the page gets the title and the button that has the focus; what would be deleted stands between."""
    demo.closed(topic="call-1")
    panel.open()
    for name, described in [
        ("Delete…", "The session of .*call-1.* can't be brought back.*its 5 events.*goes on without it"),
        ("Keep for less time…", "It is kept until .* You can't lengthen it this way."),
        ("Name the speakers…", "The names are yours alone."),
    ]:
        panel.press(name, panel.recent.first)
        expect(panel.dialog).to_have_accessible_description(re.compile(described))
        expect(panel.dialog).not_to_have_accessible_description(re.compile("Keep until the end|Colour"))
        panel.page.keyboard.press("Escape")


def test_places_that_scroll_are_named_after_their_session(panel: Panel, demo: User) -> None:
    demo.start(topic="call-1")
    panel.open()
    expect(panel.section("Events as they arrive Session “call-1”")).to_be_visible()
