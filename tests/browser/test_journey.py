"""The panel's whole journey, from events that arrive to preferences that are kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.panel import Panel
from tests.browser.user import CALL, User, tone
from tests.e2e.stack import ROOT, Stack

pytestmark = pytest.mark.browser


def test_journey(panel: Panel, demo: User, shots: Path | None) -> None:
    panel.open()
    expect(panel.section("Live now")).to_contain_text("No session is live at the moment.")
    expect(panel.section("Last sessions")).to_contain_text("There is no closed session yet.")

    # A session appears by itself, and its events arrive as they come.
    session, lease = demo.start(topic="call-17")
    card = panel.live.first
    expect(card.get_by_role("heading")).to_have_text("Session “call-17”")
    expect(card).to_contain_text("closes 30 minutes after the last activity.")
    expect(card).to_contain_text("No session lasts longer than 12 hours.")
    expect(card).to_contain_text("Connected.")
    demo.append(session, lease, CALL)
    for event in CALL:
        expect(card.get_by_role("listitem").filter(has_text=str(event["label"]))).to_be_visible()
    demo.append(session, lease, [tone("Grateful", 40)])
    expect(card.get_by_role("listitem").last).to_contain_text("Grateful · 80 % sure")
    expect(card).to_contain_text("6 events so far")
    assert demo.call("GET", f"sessions/{session}/")["epoch"] == 1, "looking takes nothing over"
    if shots:
        panel.page.screenshot(path=shots / "live.png", full_page=True)

    # End, and the receipt. Nothing is sent before it is confirmed.
    panel.press("End this session…", card)
    panel.press("Let it go on", panel.dialog)
    assert [live["id"] for live in demo.live()] == [session]
    panel.press("End this session…", card)
    if shots:
        panel.page.screenshot(path=shots / "dialog.png")
    panel.press("End the session", panel.dialog)
    receipt = panel.receipts.first
    expect(panel.section("Live now")).to_contain_text("No session is live at the moment.")
    expect(receipt.get_by_role("heading", name="Receipt: Session “call-17”")).to_be_focused()
    expect(receipt).to_contain_text("You ended this session.")
    expect(receipt).to_contain_text("6 events from 2 speakers arrived in it.")
    expect(receipt).to_contain_text("It will be deleted on")
    panel.press("Close this receipt", receipt)

    # The list, the timeline, and the same as a table.
    card = panel.recent.first
    expect(card.get_by_role("heading")).to_contain_text("call-17")
    expect(card).to_contain_text("with 6 events from 2 speakers.")
    card.get_by_text("Timeline", exact=True).click()
    expect(card.get_by_role("img")).to_have_count(2)
    expect(card.get_by_role("img").first).to_have_attribute(
        "aria-label", "1 tone from 0:12 to 0:12. The table holds the same."
    )
    card.get_by_text("The same as a table (6 events)").click()
    row = card.get_by_role("row").filter(has_text="A little nervous")
    expect(row).to_contain_text("0:17")
    expect(row).to_contain_text("71 %")
    expect(row).to_contain_text("Getting ready to ask · fast start")
    if shots:
        panel.page.screenshot(path=shots / "timeline.png", full_page=True)

    # Names.
    panel.press("Name the speakers…", card)
    panel.dialog.get_by_role("group", name="Speaker A").get_by_label("Name").fill("Zoë")
    if shots:
        panel.page.screenshot(path=shots / "names.png")
    panel.press("Save the names", panel.dialog)
    expect(card).to_contain_text("The names are saved.")
    expect(card.get_by_role("row").filter(has_text="A little nervous")).to_contain_text("Zoë")

    # Keep, set an end again.
    panel.press("Keep", card)
    expect(card).to_contain_text("You chose to keep it.")
    panel.press("Set an end again…", card)
    panel.press("Set the usual end", panel.dialog)
    expect(card).to_contain_text("It will be deleted on")

    # Export: what was sent, event for event.
    with panel.page.expect_download() as downloading:
        panel.press("Export", card)
    assert downloading.value.suggested_filename == f"linnet-session-{session}.json"
    exported = json.loads(Path(downloading.value.path()).read_text())
    assert [{k: v for k, v in event.items() if k != "seq"} for event in exported["events"]] == [
        *CALL,
        tone("Grateful", 40),
    ]
    assert exported["speakers"] == {"Speaker A": {"name": "Zoë"}}
    expect(card).to_contain_text("whoever has it can read it")

    # Resume: the earlier history, a visible break, then live.
    panel.press("Resume", card)
    back = panel.live.first
    expect(back.get_by_role("heading")).to_be_focused()
    expect(back).to_contain_text("This page holds the session")
    expect(back.get_by_role("listitem").filter(has_text="Grateful")).to_be_visible()
    expect(back.get_by_role("listitem").last).to_contain_text("The earlier session ended here")
    [live] = demo.live()
    assert demo.call("GET", f"sessions/{live['id']}/")["labels"] == {"Speaker A": {"name": "Zoë"}}
    panel.press("Name the speakers…", back)
    panel.dialog.get_by_role("group", name="Speaker B").get_by_label("Name").fill("At the desk")
    panel.press("Save the names", panel.dialog)
    expect(back).to_contain_text("The names are saved.")
    panel.press("End this session…", back)
    panel.press("End the session", panel.dialog)
    expect(panel.receipts.first.get_by_role("heading")).to_contain_text("Receipt")
    panel.press("Close this receipt", panel.receipts.first)
    expect(panel.recent).to_have_count(2)

    # Keep for less time.
    panel.press("Keep for less time…", card)
    sooner = panel.page.evaluate("() => new Date(Date.now() + 3 * 864e5).toLocaleDateString('sv')")
    panel.dialog.get_by_label("Keep until the end of").fill(sooner)
    panel.press("Keep until then", panel.dialog)
    expect(panel.dialog).to_have_count(0)
    expect(panel.recent.filter(has_text="23:59")).to_have_count(1)

    # Delete: named, confirmed, gone.
    first = panel.recent.filter(has_text="call-17")
    panel.press("Delete…", first)
    expect(panel.dialog).to_contain_text("its 6 events")
    expect(panel.dialog.get_by_role("button", name="Leave it as it is")).to_be_focused()
    panel.page.keyboard.press("Escape")
    assert len(demo.recent()) == 2, "nothing is sent before it is confirmed"
    panel.press("Delete…", first)
    panel.press("Delete it for good", panel.dialog)
    expect(panel.recent).to_have_count(1)
    assert len(demo.recent()) == 1
    expect(panel.section("Last sessions").get_by_role("heading", level=2)).to_be_focused()

    # Preferences.
    wishes = panel.section("Preferences")
    wishes.get_by_label("Keep closed sessions").fill("9999")
    panel.press("Save preferences", wishes)
    expect(wishes.get_by_label("Keep closed sessions")).to_be_focused()
    expect(wishes.get_by_label("Keep closed sessions")).to_have_attribute("aria-invalid", "true")
    wishes.get_by_label("Keep closed sessions").fill("7")
    wishes.get_by_label("A new session is").select_option("private")
    wishes.get_by_label("Show this many").fill("3")
    panel.press("Save preferences", wishes)
    expect(wishes).to_contain_text("Saved.")
    stored = demo.call("GET", "settings/")
    assert (stored["default_policy"], stored["retention_days"], stored["recent_limit"]) == ("private", 7, 3)


def test_replayed_conversation_arrives_live(panel: Panel, demo: User, stack: Stack) -> None:
    panel.open()
    stack.launch(
        "replay",
        "manage.py",
        "replay",
        str(ROOT / "docs" / "sample.jsonl"),
        "--limit",
        "1",
        "--speed",
        "10",
        "--leave-open",
    )
    card = panel.live.first
    # A process has to start, and the panel looks every few seconds.
    expect(card).to_contain_text("Connected.", timeout=40_000)
    expect(card.get_by_role("listitem").filter(has_text="Patient")).to_be_visible()
    expect(card).to_contain_text("13 events so far")
    assert stack.ended("replay") == 0
    # Left open, so that a slow page has the time to see it before it is over.
    panel.press("End this session…", card)
    panel.press("End the session", panel.dialog)
    expect(panel.receipts.first).to_contain_text("13 events from 2 speakers")
    expect(panel.recent).to_have_count(1)


def test_reload_goes_on_with_a_new_lease_and_keeps_no_secret(panel: Panel, demo: User) -> None:
    demo.closed()
    panel.open()
    panel.press("Resume", panel.recent.first)
    expect(panel.live.first).to_contain_text("This page holds the session")
    stored = panel.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    [live] = demo.live()
    assert live["id"] in stored
    assert "lns_" not in stored
    panel.page.reload()
    expect(panel.live.first).to_contain_text("This page holds the session")
    expect(panel.live.first.get_by_role("listitem").last).to_contain_text("The earlier session ended here")
    assert demo.call("GET", f"sessions/{live['id']}/")["epoch"] == 2


def test_earlier_sessions_can_be_shown(panel: Panel, demo: User) -> None:
    demo.call("PATCH", "settings/", {"recent_limit": 2})
    for number in range(5):
        demo.closed(topic=f"call-{number}")
    panel.open()
    expect(panel.recent).to_have_count(2)
    panel.press("Show earlier sessions")
    expect(panel.recent).to_have_count(5)
    headings = panel.recent.get_by_role("heading").all_inner_texts()
    assert [text[-1] for text in headings] == ["4", "3", "2", "1", "0"]
    expect(panel.recent.nth(2).get_by_role("heading")).to_be_focused()


def test_long_session_is_shown_at_once_and_drawn_in_part(panel: Panel, demo: User) -> None:
    session, lease = demo.start()
    for first in range(0, 6000, 500):
        demo.append(session, lease, [tone("Calm", second) for second in range(first, first + 500)])
    panel.open()
    lines = panel.live.first.get_by_role("listitem")
    expect(panel.live.first).to_contain_text("6,000 events so far")
    expect(lines.last).to_contain_text("1:39:59")
    assert lines.count() == 400
