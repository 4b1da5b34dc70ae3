"""What the panel says when something is missing or refused, and what it shows of hostile words."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.panel import Panel
from tests.browser.user import User, tone
from tests.e2e.stack import Stack

pytestmark = pytest.mark.browser

SCRIPT = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
TURNED = "\u202egnp.tfel\u202c \u2067ימין\u2069 \u200f!"
EMOJI = "🐦" * 64
UNBROKEN = "x" * 64
HOSTILE = [SCRIPT, TURNED, EMOJI, UNBROKEN]


def use_token(panel: Panel, token: str) -> None:
    """As a page of another origin would: the panel asks as the user of this token."""
    panel.page.evaluate("(token) => { document.querySelector('linnet-panel').token = token; }", token)


@pytest.mark.parametrize(
    "viewport", [{"width": 1100, "height": 900}, {"width": 320, "height": 800}], ids=["wide", "320"]
)
def test_hostile_words_are_text(
    viewport: dict[str, int], demo: User, stack: Stack, open_context: Callable[..., BrowserContext]
) -> None:
    events = [tone(label, 3.0 * n, f"{n} {label}"[:64]) for n, label in enumerate(HOSTILE, 1)]
    names = {event["speaker_id"]: {"name": label[:80]} for event, label in zip(events, HOSTILE, strict=True)}
    demo.closed(events, names)
    session, lease = demo.start()
    panel = Panel(open_context(stack, viewport=viewport).new_page()).open()
    demo.append(session, lease, events)
    lines = panel.live.first.get_by_role("listitem")
    expect(lines).to_have_count(4)
    card = panel.recent.first
    card.get_by_text("Timeline", exact=True).click()
    card.get_by_text("The same as a table").click()
    for number, label in enumerate(HOSTILE):
        assert label in (lines.nth(number).locator(".what").text_content() or "")
        assert label in (card.get_by_role("row").nth(number + 1).text_content() or "")
        assert lines.nth(number).locator(".what bdi").count() == 1, "its direction stays inside"
    panel.press("Name the speakers…", card)
    expect(panel.dialog.get_by_role("group")).to_have_count(4)
    assert panel.dialog.get_by_label("Name").first.input_value() == SCRIPT[:80]
    assert panel.overflowing() == []
    panel.press("Change nothing", panel.dialog)
    assert panel.page.title() == "Your sessions – Linnet"
    assert panel.page.locator("linnet-panel img[src], linnet-panel script").count() == 0
    assert panel.overflowing() == []


@pytest.mark.refusals
def test_who_is_not_signed_in_is_told_how(panel: Panel, demo: User) -> None:
    demo.closed()
    panel.open()
    expect(panel.recent).to_have_count(1)
    use_token(panel, "lna_" + "x" * 60)
    expect(panel.page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    expect(panel.section("You are not signed in")).to_contain_text("Sign in to Linnet in this browser")
    expect(panel.page.get_by_role("article")).to_have_count(0)


@pytest.fixture
def lapsed(demo: User) -> Iterator[User]:
    """The same person after their plan has ended."""
    kept = demo.closed()
    _plan(demo.stack, "free")
    assert kept["snapshot"]
    yield demo
    _plan(demo.stack, "paid")


def _plan(stack: Stack, tier: str) -> None:
    change = f"Entitlement.objects.filter(user__username='demo').update(tier='{tier}')"
    stack.manage("shell", "-v0", "-c", f"from sessions_app.models import Entitlement; {change}")


@pytest.mark.refusals
def test_lapsed_plan_says_what_it_would_give_and_what_still_works(panel: Panel, lapsed: User) -> None:
    panel.open()
    card = panel.recent.first
    for action in ("Resume", "Keep"):
        panel.press(action, card)
        expect(card.get_by_role("status")).to_contain_text("Listing, exporting, renaming and deleting work without it.")
    with panel.page.expect_download():
        panel.press("Export", card)
    panel.press("Delete…", card)
    panel.press("Delete it for good", panel.dialog)
    expect(panel.recent).to_have_count(0)


@pytest.mark.refusals
def test_offline_says_so_and_reads_again_by_itself(panel: Panel, demo: User) -> None:
    demo.closed()
    panel.open()
    context = panel.page.context
    context.set_offline(True)
    notice = panel.notice
    expect(notice).to_contain_text("This device is offline. What is shown was read on")
    expect(panel.recent).to_have_count(1)
    panel.press("Export", panel.recent.first)
    expect(panel.recent.first).to_contain_text("The service can't be reached at the moment.")
    demo.closed()
    context.set_offline(False)
    expect(panel.recent).to_have_count(2)
    expect(notice).to_be_empty()


@pytest.mark.refusals
def test_killed_service_is_told_calmly_and_its_return_noticed(panel: Panel, demo: User, stack: Stack) -> None:
    demo.closed()
    panel.open()
    stack.kill_web()
    try:
        expect(panel.notice).to_contain_text("The service can't be reached at the moment.")
        panel.press("Delete…", panel.recent.first)
        panel.press("Delete it for good", panel.dialog)
        expect(panel.dialog).to_contain_text("Nothing was changed on this page.")
        panel.press("Leave it as it is", panel.dialog)
    finally:
        stack.start_web()
    expect(panel.notice).to_be_empty(timeout=40_000)
    expect(panel.recent).to_have_count(1)


@pytest.mark.refusals
def test_what_was_removed_elsewhere_is_told(panel: Panel, demo: User) -> None:
    panel.open()
    receipt = demo.closed()
    expect(panel.recent).to_have_count(1)
    card = panel.recent.first
    panel.page.route("**/settings/panel/", lambda route: route.abort())  # the panel learns of it from what is pressed
    demo.call("DELETE", f"snapshots/{receipt['snapshot']['id']}/")
    panel.press("Resume", card)
    expect(card.get_by_role("status")).to_contain_text(
        "The time for keeping it is over, or it was deleted in another window or on another device."
    )
    expect(card).to_contain_text("Nothing is kept any more: you deleted it.")
    expect(card.get_by_role("heading")).to_be_focused()
    panel.page.unroute("**/settings/panel/")
    panel.press("Remove from this list…", card)
    panel.press("Remove it", panel.dialog)
    expect(panel.recent).to_have_count(0)


def test_session_that_keeps_nothing_says_so(panel: Panel, demo: User) -> None:
    panel.open()
    session, lease = demo.start(policy="private")
    demo.append(session, lease, [tone("Calm", 1)])
    card = panel.live.first
    expect(card).to_contain_text("private policy closes 45 minutes after the last activity.")
    expect(card).to_contain_text("Connected.")
    panel.press("End this session…", card)
    expect(panel.dialog).to_contain_text("Nothing of it is kept: the session is private")
    panel.press("End the session", panel.dialog)
    expect(panel.receipts.first).to_contain_text("Nothing is kept: this session was private")
    expect(panel.recent.first.get_by_role("button")).to_have_text(["Remove from this list…"])


def test_looking_does_not_keep_an_ephemeral_session_alive_unasked(panel: Panel, demo: User) -> None:
    streams: list[str] = []
    panel.page.on("request", lambda request: "/stream/" in request.url and streams.append(request.url))
    session, lease = demo.start(policy="ephemeral")
    demo.append(session, lease, [tone("Calm", 1)])
    deadline = demo.live()[0]["clocks"]["expires_at"]
    panel.open()
    card = panel.live.first
    expect(card).to_contain_text("Its events are not shown here.")
    expect(card).to_contain_text("1 event so far")
    panel.page.wait_for_timeout(500)
    assert streams == []
    assert demo.live()[0]["clocks"]["expires_at"] == deadline
    panel.press("Show its events", card)
    expect(card.get_by_role("listitem")).to_contain_text("Calm")
    demo.call("POST", f"sessions/{session}/end/", lease=lease)
    expect(panel.receipts.first.get_by_role("heading")).to_contain_text("Receipt")


def test_ephemeral_session_that_is_folded_away_is_let_go_of(panel: Panel, demo: User) -> None:
    demo.start(policy="ephemeral")
    panel.open()
    card = panel.live.first
    panel.press("Show its events", card)
    expect(card).to_contain_text("Connected.")
    card.get_by_text("Events as they arrive").click()
    expect(card).to_contain_text("Its events are not shown here.")
    panel.press("Show its events", card)
    expect(card.get_by_role("region", name="Events as they arrive")).to_be_focused()
    expect(card).to_contain_text("Connected.")


def test_session_that_nobody_looked_into_leaves_a_receipt_too(panel: Panel, demo: User) -> None:
    session, lease = demo.start(policy="ephemeral")
    panel.open()
    expect(panel.live.first).to_contain_text("Its events are not shown here.")
    demo.call("POST", f"sessions/{session}/end/", lease=lease)
    expect(panel.receipts.first.get_by_role("heading")).to_contain_text("Receipt")
    expect(panel.receipts.first).to_contain_text("Nothing is kept: this session was ephemeral")


def test_tone_of_nobody_in_particular_is_shown_too(panel: Panel, demo: User) -> None:
    demo.closed([{"event_type": "tone", "label": "Calm", "timestamp": 1}, tone("Tense", 2)])
    panel.open()
    card = panel.recent.first
    card.get_by_text("Timeline", exact=True).click()
    expect(card.locator(".lane")).to_have_count(2)
    expect(card.locator(".lane").first).to_contain_text("Speaker not known")
    card.get_by_text("The same as a table").click()
    expect(card.get_by_role("row").nth(1)).to_contain_text("Speaker not known")


def test_times_are_absolute_with_zone_and_nothing_counts_down(panel: Panel, demo: User) -> None:
    demo.start()
    panel.open()
    times = panel.live.first.locator("time")
    expect(times).to_have_count(3)
    for text in times.all_inner_texts():
        assert text.endswith(("CET", "CEST", "GMT+1", "GMT+2")), text
    expect(panel.live.first).to_contain_text("Connected.")
    before = panel.live.first.inner_text()
    panel.page.wait_for_timeout(1500)
    assert panel.live.first.inner_text() == before


def test_session_that_times_out_in_view_shows_its_receipt(
    hasty_demo: User, hasty: Stack, open_context: Callable[..., BrowserContext]
) -> None:
    hasty_demo.call("PATCH", "settings/", {"notice_lead_s": 4})
    # Opened before: the session has no time to wait for a page to load.
    panel = Panel(open_context(hasty).new_page()).open()
    session, lease = hasty_demo.start()
    hasty_demo.append(session, lease, [tone("Calm", 1)])
    panel.look()
    expect(panel.live.first).to_contain_text("It closes then unless something happens in it before.")
    expect(panel.receipts.first.get_by_role("heading")).to_contain_text("Receipt")
    expect(panel.receipts.first).to_contain_text("nothing happened in it for the length of its idle time.")
    panel.press("Resume this session", panel.receipts.first)
    expect(panel.live.first).to_contain_text("This page holds the session")
