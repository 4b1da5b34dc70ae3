"""A session that the panel holds: brought back, taken up again after a reload, and known once."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.browser.panel import Panel
from tests.browser.test_states import use_token
from tests.browser.user import User

pytestmark = pytest.mark.browser


def bring_back(panel: Panel, demo: User) -> str:
    """A session that this page holds: its id."""
    demo.closed(topic="call-1")
    panel.open()
    panel.press("Resume", panel.recent.first)
    expect(panel.live.first).to_contain_text("This page holds the session")
    expect(panel.live.first).to_contain_text("Connected.")
    session: str = demo.live()[0]["id"]
    return session


def epoch(demo: User, session: str) -> int:
    return int(demo.call("GET", f"sessions/{session}/")["epoch"])


def test_session_is_held_once_while_its_earlier_history_is_read(panel: Panel, demo: User) -> None:
    demo.closed(topic="call-1")
    panel.open()
    waiting: list[Route] = []
    panel.page.route("**/content/**", lambda route: waiting.append(route))
    panel.press("Resume", panel.recent.first)
    expect(panel.live).to_have_count(1)
    for _ in range(2):
        panel.look()
    assert len(waiting) == 1, "nothing else follows it"
    [session] = [live["id"] for live in demo.live()]
    waiting[0].continue_()
    expect(panel.live.first.get_by_role("heading")).to_be_focused()
    expect(panel.live.first).to_contain_text("Connected.")
    expect(panel.live).to_have_count(1)
    assert epoch(demo, session) == 1
    panel.press("End this session…", panel.live.first)
    panel.press("End the session", panel.dialog)
    expect(panel.receipts).to_have_count(1)


@pytest.mark.refusals
def test_attach_after_a_reload_outlives_a_busy_service(panel: Panel, demo: User) -> None:
    session = bring_back(panel, demo)
    panel.page.route("**/attach/", lambda route: route.fulfill(status=503, json={"detail": "Busy.", "code": "X"}))
    panel.page.reload()
    expect(panel.live.first).to_contain_text("can't take it up again yet. Busy. It is tried again by itself.")
    assert session in panel.page.evaluate("() => JSON.stringify({...sessionStorage})")
    panel.page.unroute("**/attach/")
    panel.look()
    expect(panel.live.first).to_contain_text("This page holds the session")
    expect(panel.live.first).not_to_contain_text("tried again")
    assert epoch(demo, session) == 2
    panel.look()
    assert epoch(demo, session) == 2, "it is taken up once"


@pytest.mark.refusals
def test_attach_that_is_refused_leaves_a_page_that_watches(panel: Panel, demo: User) -> None:
    session = bring_back(panel, demo)
    panel.page.route("**/attach/", lambda route: route.fulfill(status=403, json={"detail": "Not now.", "code": "X"}))
    panel.page.reload()
    expect(panel.live.first).to_contain_text("can't hold it any more: it only shows it. Not now.")
    expect(panel.live.first).to_contain_text("Connected.")
    assert epoch(demo, session) == 1


def test_session_that_is_resumed_from_a_receipt_keeps_the_focus_and_is_remembered(panel: Panel, demo: User) -> None:
    bring_back(panel, demo)
    panel.press("End this session…", panel.live.first)
    panel.press("End the session", panel.dialog)
    expect(panel.receipts.first.get_by_role("heading")).to_be_focused()
    expect(panel.live).to_have_count(0)
    panel.press("Resume this session", panel.receipts.first)
    expect(panel.receipts).to_have_count(0)
    expect(panel.live.first.get_by_role("heading")).to_be_focused()
    [live] = demo.live()
    panel.page.reload()
    expect(panel.live.first).to_contain_text("This page holds the session")
    assert epoch(demo, live["id"]) == 2


@pytest.mark.refusals
def test_receipt_that_could_not_be_read_is_read_later(panel: Panel, demo: User) -> None:
    session, lease = demo.start()
    private, private_lease = demo.start(policy="private")
    panel.open()
    expect(panel.live).to_have_count(2)
    panel.page.route("**/receipt/", lambda route: route.abort())
    demo.call("POST", f"sessions/{session}/end/", lease=lease)
    expect(panel.receipts).to_have_count(1)
    expect(panel.receipts.first).to_contain_text("What is kept of it is shown here as soon as it can be read.")
    demo.call("POST", f"sessions/{private}/end/", lease=private_lease)
    expect(panel.receipts).to_have_count(2)
    expect(panel.receipts.first).to_contain_text("The session was private: nothing of it is kept after its end.")
    panel.page.unroute("**/receipt/")
    panel.look()
    expect(panel.receipts.last).to_contain_text("0 events from 0 speakers arrived in it.")
    expect(panel.receipts.first).to_contain_text("Nothing is kept: this session was private")


def test_session_that_ends_under_a_dialog_leaves_the_focus_on_its_receipt(panel: Panel, demo: User) -> None:
    session, lease = demo.start()
    panel.open()
    expect(panel.live.first).to_contain_text("Connected.")
    panel.press("End this session…", panel.live.first)
    demo.call("POST", f"sessions/{session}/end/", lease=lease)
    expect(panel.section("Just ended")).to_contain_text("You ended this session.")
    panel.press("Let it go on", panel.dialog)
    expect(panel.receipts.first.get_by_role("heading")).to_be_focused()


def test_end_of_a_held_session_leaves_the_others_as_they_are(panel: Panel, demo: User) -> None:
    """The page learns of such an end twice: from the answer, and from what follows the session."""
    session = bring_back(panel, demo)
    demo.start(topic="call-2")
    other = panel.live.filter(has_text="call-2")
    expect(other).to_contain_text("Connected.")
    panel.press("End this session…", panel.live.and_(panel.page.locator(f"[data-session='{session}']")))
    with panel.page.expect_response("**/receipt/"):
        panel.press("End the session", panel.dialog)
    expect(panel.receipts).to_have_count(1)
    expect(panel.live).to_have_count(1)
    expect(other).to_contain_text("Connected.")
    other.get_by_text("Events as they arrive").click()
    expect(other).to_contain_text("Its events are fetched while they are on the screen.")


def test_receipt_that_was_closed_does_not_come_back(panel: Panel, demo: User) -> None:
    bring_back(panel, demo)
    waiting: list[Route] = []
    panel.page.route("**/receipt/", lambda route: waiting.append(route))
    panel.press("End this session…", panel.live.first)
    panel.press("End the session", panel.dialog)
    panel.press("Close this receipt", panel.receipts.first)
    expect(panel.receipts).to_have_count(0)
    with panel.page.expect_response("**/receipt/"):
        waiting[0].continue_()
    panel.look()
    expect(panel.receipts).to_have_count(0)


@pytest.mark.refusals
def test_receipt_that_arrives_late_is_not_shown_to_somebody_else(panel: Panel, demo: User) -> None:
    session, lease = demo.start(topic="call-1")
    panel.open()
    expect(panel.live.first).to_contain_text("Connected.")
    waiting: list[Route] = []
    panel.page.route("**/receipt/", lambda route: waiting.append(route))
    with panel.page.expect_request("**/receipt/"):
        demo.call("POST", f"sessions/{session}/end/", lease=lease)
    use_token(panel, "lna_" + "x" * 60)
    expect(panel.page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    with panel.page.expect_response("**/receipt/"):
        waiting[0].continue_()
    panel.look()
    expect(panel.page.get_by_role("article")).to_have_count(0)
    expect(panel.notice).not_to_contain_text("call-1")


@pytest.mark.refusals
def test_receipt_says_what_is_so_now(panel: Panel, demo: User) -> None:
    session, lease = demo.start(topic="call-1")
    panel.open()
    expect(panel.live).to_have_count(1)
    receipt = demo.call("POST", f"sessions/{session}/end/", lease=lease)
    expect(panel.receipts.first).to_contain_text("It will be deleted on")
    panel.press("Keep", panel.recent.first)
    expect(panel.receipts.first).to_contain_text("You chose to keep it.")
    expect(panel.receipts.first).not_to_contain_text("It will be deleted on")
    demo.call("DELETE", f"snapshots/{receipt['snapshot']['id']}/")
    panel.look()
    expect(panel.receipts.first).to_contain_text("Nothing is kept any more: you deleted it.")
    expect(panel.receipts.first.get_by_role("button", name="Resume this session")).to_be_hidden()
    demo.call("DELETE", f"sessions/{session}/")
    panel.look()
    expect(panel.receipts).to_have_count(0)


def test_receipts_of_the_same_minute_and_topic_are_told_apart(panel: Panel, demo: User) -> None:
    panel.open()
    for number in range(2):
        for topic in ({}, {"topic": "call-1"}):
            session, lease = demo.start(**topic)
            panel.look()
            expect(panel.live.first).to_contain_text("Connected.")
            demo.call("POST", f"sessions/{session}/end/", lease=lease)
            expect(panel.live).to_have_count(0)
        if not number:
            panel.page.wait_for_timeout(1100)
    expect(panel.receipts).to_have_count(4)
    assert len(set(panel.receipts.get_by_role("heading").all_inner_texts())) == 4


def test_no_more_receipts_are_shown_than_can_be_read(panel: Panel, demo: User) -> None:
    panel.open()
    for number in range(6):
        session, lease = demo.start(policy="ephemeral", topic=f"call-{number}")
        panel.look()
        expect(panel.live).to_have_count(1)
        demo.call("POST", f"sessions/{session}/end/", lease=lease)
        panel.look()
        expect(panel.live).to_have_count(0)
    expect(panel.receipts).to_have_count(5)
    expect(panel.receipts.first).to_contain_text("call-5")
    expect(panel.receipts.last).to_contain_text("call-1")
