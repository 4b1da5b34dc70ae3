"""The journey by keyboard alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.panel import Panel
from tests.browser.user import CALL, User

pytestmark = pytest.mark.browser


def test_journey_by_keyboard(panel: Panel, demo: User) -> None:
    keys = panel.page.keyboard
    session, lease = demo.start(topic="call-17")
    demo.append(session, lease, CALL)
    panel.open()
    expect(panel.live.first).to_contain_text("Relieved")

    # The events can be scrolled.
    panel.tab_to("0:00")
    assert panel.focused()[0] == "div"

    # End it. The dialog holds the focus, begins with what changes nothing, and gives the focus back.
    panel.tab_to("End this session…")
    keys.press("Enter")
    assert panel.focused() == ("button", "Let it go on")
    keys.press("Enter")
    assert panel.focused() == ("button", "End this session…")
    keys.press("Enter")
    panel.tab_to("End the session")
    keys.press("Enter")
    expect(panel.receipts.first.get_by_role("heading")).to_be_focused()
    panel.tab_to("Close this receipt")
    keys.press("Enter")
    expect(panel.page.get_by_role("heading", name="Last sessions")).to_be_focused()

    # Look at it.
    panel.tab_to("Timeline")
    keys.press("Enter")
    expect(panel.recent.first.get_by_role("img").first).to_be_visible()
    panel.tab_to("The same as a table")
    keys.press("Enter")
    expect(panel.recent.first.get_by_role("table")).to_be_visible()

    # Name somebody.
    panel.tab_to("Name the speakers…")
    keys.press("Enter")
    expect(panel.dialog).to_be_visible()
    assert panel.focused() == ("input", "Name")
    keys.type("Zoë")
    keys.press("Enter")
    expect(panel.recent.first).to_contain_text("The names are saved.")
    assert panel.focused() == ("button", "Name the speakers…")

    # Keep it, bring it back, end it again.
    panel.tab_to("Keep")
    keys.press("Enter")
    expect(panel.recent.first).to_contain_text("You chose to keep it.")
    assert panel.focused() == ("button", "Set an end again…")
    panel.page.reload()
    expect(panel.recent.first).to_be_visible()
    panel.tab_to("Resume")
    keys.press("Enter")
    expect(panel.live.first.get_by_role("heading")).to_be_focused()
    expect(panel.live.first).to_contain_text("Connected.")
    panel.tab_to("End this session…")
    keys.press("Enter")
    panel.tab_to("End the session")
    keys.press("Enter")
    expect(panel.receipts.first.get_by_role("heading")).to_be_focused()

    # Delete the newest, and choose something.
    expect(panel.recent).to_have_count(2)
    panel.tab_to("Delete…")
    keys.press("Enter")
    assert panel.focused() == ("button", "Leave it as it is")
    panel.tab_to("Delete it for good")
    keys.press("Space")
    expect(panel.recent).to_have_count(1)
    expect(panel.recent.first.get_by_role("heading")).to_be_focused()
    panel.tab_to("Show this many of the last sessions")
    keys.press("Control+a")
    keys.type("4")
    keys.press("Enter")
    expect(panel.section("Preferences")).to_contain_text("Saved.")
    assert demo.call("GET", "settings/")["recent_limit"] == 4
