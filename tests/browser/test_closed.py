"""The list of closed sessions: its order, what is changed in it from here and from elsewhere, and its words."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.browser.panel import Panel
from tests.browser.user import User

pytestmark = pytest.mark.browser


def topics(panel: Panel) -> list[str]:
    return [text.rsplit(" ", 1)[-1] for text in panel.recent.get_by_role("heading").all_inner_texts()]


@pytest.fixture
def five(panel: Panel, demo: User) -> Panel:
    """Five closed sessions, the last three of which are shown."""
    demo.call("PATCH", "settings/", {"recent_limit": 3})
    for number in range(5):
        demo.closed(topic=f"call-{number}")
    panel.open()
    expect(panel.recent).to_have_count(3)
    return panel


def delete(panel: Panel, topic: str) -> None:
    panel.press("Delete…", panel.recent.filter(has_text=topic))
    expect(panel.dialog).to_contain_text(topic)
    panel.press("Delete it for good", panel.dialog)
    expect(panel.dialog).to_have_count(0)


def test_what_moves_up_after_a_deletion_stands_where_it_belongs(five: Panel) -> None:
    delete(five, "call-3")
    expect(five.recent.get_by_role("heading").nth(1)).to_be_focused()
    expect(five.notice).to_contain_text("call-3 is deleted.")
    expect(five.recent).to_have_count(3)
    assert topics(five) == ["call-4", "call-2", "call-1"]
    delete(five, "call-1")
    expect(five.page.get_by_role("heading", name="Last sessions")).to_be_focused()


def test_earlier_sessions_stay_in_order_as_newer_ones_come_and_go(five: Panel, demo: User) -> None:
    five.press("Show earlier sessions")
    expect(five.recent).to_have_count(5)
    delete(five, "call-3")
    demo.closed(topic="call-5")
    five.look()
    expect(five.recent).to_have_count(5)
    assert topics(five) == ["call-5", "call-4", "call-2", "call-1", "call-0"]


def test_earlier_session_shows_what_was_changed_of_it(five: Panel) -> None:
    five.press("Show earlier sessions")
    card = five.recent.last
    expect(card).to_contain_text("call-0")
    five.press("Keep", card)
    expect(card).to_contain_text("You chose to keep it. It stays until you delete it or set an end again.")
    expect(card.get_by_role("button", name="Set an end again…")).to_be_focused()
    five.press("Keep for less time…", card)
    five.dialog.get_by_label("Keep until the end of").fill("2026-01-01")
    five.press("Keep until then", five.dialog)
    expect(five.dialog).to_contain_text("That day is over. Choose today or a later day.")


@pytest.mark.refusals
def test_day_that_the_service_refuses_is_told_without_its_words(five: Panel) -> None:
    card = five.recent.first
    five.press("Keep", card)
    expect(card).to_contain_text("You chose to keep it.")
    five.press("Keep for less time…", card)
    far = five.page.evaluate("() => new Date(Date.now() + 300 * 864e5).toLocaleDateString('sv')")
    five.dialog.get_by_label("Keep until the end of").fill(far)
    five.press("Keep until then", five.dialog)
    expect(five.dialog).to_contain_text("That day is later than the service usually keeps a session.")
    expect(five.dialog).not_to_contain_text("expires_at")


@pytest.mark.refusals
def test_session_that_was_deleted_elsewhere_leaves_the_list_when_it_is_touched(five: Panel, demo: User) -> None:
    five.press("Show earlier sessions")
    card = five.recent.last
    expect(card).to_contain_text("call-0")
    session = card.get_attribute("data-session")
    demo.call("DELETE", f"sessions/{session}/")
    five.press("Keep", card)
    expect(five.recent).to_have_count(4)
    expect(five.notice).to_contain_text("call-0 is not there any more.")
    expect(five.page.get_by_role("heading", name="Last sessions")).to_be_focused()


@pytest.mark.refusals
def test_earlier_sessions_that_cannot_be_read_are_told_beside_the_button(five: Panel) -> None:
    five.page.route("**/sessions/?*", lambda route: route.abort())
    five.press("Show earlier sessions")
    told = five.section("Last sessions").get_by_role("status").last
    expect(told).to_contain_text("The service can't be reached at the moment.")
    five.page.unroute("**/sessions/?*")
    five.press("Show earlier sessions")
    expect(told).to_be_empty()
    expect(five.recent).to_have_count(5)


def test_sessions_of_the_same_minute_tell_the_seconds(panel: Panel, demo: User) -> None:
    demo.closed()
    panel.open()
    panel.page.wait_for_timeout(1100)
    demo.closed()
    demo.closed(topic="call-1")
    panel.look()
    expect(panel.recent).to_have_count(3)
    titles = panel.recent.get_by_role("heading").all_inner_texts()
    assert len(set(titles)) == 3
    assert titles[0].count(":") == 1, "nothing else has this title"
    for name in ("Delete…", "Timeline"):
        described = panel.recent.nth(1).get_by_text(name, exact=True).get_attribute("aria-describedby")
        assert panel.recent.nth(1).locator(f"[id='{described}']").inner_text() == titles[1]


def test_deletion_under_way_is_waited_for(five: Panel, demo: User) -> None:
    waiting: list[Route] = []
    five.page.route("**/sessions/*/", lambda route: waiting.append(route) if route.request.method == "DELETE" else None)
    five.press("Delete…", five.recent.first)
    five.press("Delete it for good", five.dialog)
    expect(five.dialog.get_by_role("status")).to_have_text("Deleting…")
    no = five.dialog.get_by_role("button", name="Leave it as it is")
    expect(no).to_have_attribute("aria-disabled", "true")
    no.click(force=True)
    for _ in range(3):
        five.page.keyboard.press("Escape")
    expect(five.dialog).to_be_visible()
    five.dialog.get_by_role("button", name="Delete it for good").click(force=True)
    assert len(waiting) == 1, "it is sent once"
    waiting[0].continue_()
    expect(five.dialog).to_have_count(0)
    expect(five.notice).to_contain_text("call-4 is deleted.")
    expect(five.recent.filter(has_text="call-4")).to_have_count(0)
    assert len(demo.recent()) == 3


def test_session_that_somebody_reads_is_not_pushed_out_of_the_list(five: Panel, demo: User) -> None:
    card = five.recent.last
    expect(card).to_contain_text("call-2")
    card.get_by_text("Timeline", exact=True).click()
    expect(card.get_by_role("img").first).to_be_visible()
    demo.closed(topic="call-5")
    five.look()
    expect(five.recent).to_have_count(4)
    assert topics(five) == ["call-5", "call-4", "call-3", "call-2"]
    expect(card.get_by_role("img").first).to_be_visible()


@pytest.mark.refusals
def test_deletion_while_it_is_brought_back_is_told_as_what_it_was(five: Panel) -> None:
    waiting: list[Route] = []
    five.page.route("**/import/", lambda route: waiting.append(route))
    five.press("Resume", five.recent.filter(has_text="call-3"))
    delete(five, "call-3")
    expect(five.notice).to_contain_text("call-3 is deleted.")
    with five.page.expect_response("**/import/"):
        waiting[0].continue_()
    five.look()
    expect(five.notice).to_contain_text("call-3 is deleted.")


def test_what_the_buttons_do_is_said(panel: Panel, demo: User) -> None:
    """For every label that a card can have, so that none has to be pressed to find out."""
    panel.open()
    help_ = panel.section("Last sessions").get_by_text("What the buttons do")
    expect(help_).to_be_hidden()
    receipt = demo.closed()
    demo.closed(policy="private")
    panel.look()
    help_.click()
    labels = set(panel.recent.get_by_role("button").all_inner_texts())
    demo.call("PATCH", f"snapshots/{receipt['snapshot']['id']}/", {"keep": True})
    panel.look()
    expect(panel.recent.get_by_role("button", name="Set an end again…")).to_be_visible()
    labels |= set(panel.recent.get_by_role("button").all_inner_texts())
    said = panel.section("Last sessions").locator(".choices dt").all_inner_texts()
    assert set(said) == labels
