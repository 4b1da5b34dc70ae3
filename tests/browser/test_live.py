"""The cards of live sessions: which have a stream, what they say of it, and what they do not show."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Request, Route, expect

from tests.browser.client import FAST_TIMERS, HIDE
from tests.browser.panel import Panel
from tests.browser.user import CALL, User, tone

pytestmark = pytest.mark.browser

#: Notes each change of an element that is told to who listens, with the words.
NOTE_CHANGES = """(card) => {
    globalThis.changes = [];
    for (const told of card.querySelectorAll("[role=status]"))
        new MutationObserver(() => changes.push(told.textContent)).observe(told, { childList: true, subtree: true });
    new MutationObserver(() => changes.push("heading")).observe(card.querySelector("h3"), { childList: true });
}"""


def open_streams(panel: Panel) -> set[str]:
    """The sessions that the page has streams of, as of when this is called and later."""
    opened: set[str] = set()

    def session(request: Request) -> str:
        return request.url.split("/")[-3]

    panel.page.on("request", lambda request: opened.add(session(request)) if "/stream/" in request.url else None)
    closed = lambda request: opened.discard(session(request)) if "/stream/" in request.url else None  # noqa: E731
    panel.page.on("requestfinished", closed)
    panel.page.on("requestfailed", closed)
    return opened


def test_page_has_two_streams_at_most_and_they_are_for_what_is_on_the_screen(panel: Panel, demo: User) -> None:
    started = {f"call-{number}": demo.start(topic=f"call-{number}") for number in range(5)}
    streams = open_streams(panel)
    panel.open()
    expect(panel.live).to_have_count(5)
    first, last = panel.live.first, panel.live.last
    expect(first).to_contain_text("Connected.")
    expect(last).to_contain_text("Its events are fetched while they are on the screen.")
    for session, lease in started.values():
        demo.append(session, lease, CALL)
    expect(first.get_by_role("listitem")).to_have_count(5)
    expect(last).to_contain_text("5 events so far")
    assert len(streams) <= 2
    last.get_by_role("region", name="Events as they arrive").scroll_into_view_if_needed()
    expect(last.get_by_role("listitem")).to_have_count(5)
    panel.wait(lambda: len(streams) <= 2, "the stream that gave way to be closed")
    # What came meanwhile is there when it is shown again, once.
    session, lease = started["call-0"] if "call-0" in first.inner_text() else started["call-4"]
    demo.append(session, lease, [tone("Grateful", 40)])
    first.get_by_role("region", name="Events as they arrive").scroll_into_view_if_needed()
    expect(first.get_by_role("listitem")).to_have_count(6)
    expect(first.get_by_role("listitem").last).to_contain_text("Grateful")


def test_third_session_on_the_screen_waits_until_it_is_asked_for(panel: Panel, demo: User) -> None:
    for number in range(3):
        session, lease = demo.start(topic=f"call-{number}")
        demo.append(session, lease, CALL)
    streams = open_streams(panel)
    panel.page.set_viewport_size({"width": 1100, "height": 3000})
    panel.open()
    waiting = panel.live.filter(has_text="a page follows two sessions at a time")
    expect(waiting).to_have_count(1)
    expect(panel.live.get_by_role("listitem")).to_have_count(10)
    assert len(streams) == 2
    card = panel.live.filter(has_text=waiting.get_by_role("heading").inner_text())
    panel.press("Show its events", card)
    expect(card.get_by_role("region", name="Events as they arrive")).to_be_focused()
    expect(card.get_by_role("listitem")).to_have_count(5)
    expect(waiting).to_have_count(1)
    panel.wait(lambda: len(streams) == 2, "the stream that gave way to be closed")


def test_events_that_are_folded_away_are_not_fetched(panel: Panel, demo: User) -> None:
    session, lease = demo.start()
    streams = open_streams(panel)
    panel.open()
    card = panel.live.first
    expect(card).to_contain_text("Connected.")
    card.get_by_text("Events as they arrive").click()
    expect(card).to_contain_text("Its events are fetched while they are on the screen.")
    demo.append(session, lease, CALL)
    expect(card.get_by_text("5 events so far")).to_have_count(1)
    assert streams == set()
    card.get_by_text("Events as they arrive").click()
    expect(card.get_by_role("listitem")).to_have_count(5)


def test_events_do_not_make_the_panel_read_everything(panel: Panel, demo: User) -> None:
    session, lease = demo.start()
    panel.open()
    card = panel.live.first
    expect(card).to_contain_text("Connected.")
    looks: list[str] = []
    panel.page.on("request", lambda request: "settings/panel" in request.url and looks.append(request.url))
    began = time.monotonic()
    for second in range(10):
        demo.append(session, lease, [tone("Calm", second)])
        panel.page.wait_for_timeout(400)
    expect(card.get_by_role("listitem")).to_have_count(10)
    assert len(looks) <= (time.monotonic() - began) / 4 + 1, "as often as without events"


@pytest.mark.refusals
def test_idle_clock_goes_with_the_stream(panel: Panel, demo: User) -> None:
    session, _ = demo.start()
    later = (datetime.now(UTC) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    moved = json.dumps({"event": "deadline", "expires_at": later})
    body = f"event: lease-event\ndata: {moved}\n\n"
    panel.page.route(
        "**/stream/**", lambda route: route.fulfill(body=body, headers={"Content-Type": "text/event-stream"})
    )
    reads: list[Route] = []

    def read_once(route: Route) -> None:
        reads.append(route)
        if len(reads) == 1:
            route.continue_()

    panel.page.route(f"**/sessions/{session}/", read_once)
    panel.open()
    panel.page.route("**/settings/panel/", lambda route: route.abort())
    expect(panel.live.first.locator("time").nth(1)).to_have_attribute("datetime", later)
    for route in reads[1:]:
        route.abort()


def test_coming_back_to_the_page_is_not_told(panel: Panel, demo: User) -> None:
    demo.start()
    panel.open()
    card = panel.live.first
    expect(card).to_contain_text("Connected.")
    card.evaluate(NOTE_CHANGES)
    for visibility in ("hidden", "visible"):
        panel.page.evaluate(HIDE, visibility)
    panel.look()
    expect(card).to_contain_text("Connected.")
    assert panel.page.evaluate("changes") == []


@pytest.mark.refusals
@pytest.mark.parametrize("policy", ["pinned", "ephemeral"])
def test_lost_connection_and_its_return_are_told_once(policy: str, panel: Panel, demo: User) -> None:
    demo.start(policy=policy)
    panel.open()
    card = panel.live.first
    if policy == "ephemeral":
        panel.press("Show its events", card)
    expect(card).to_contain_text("Connected.")
    card.evaluate(NOTE_CHANGES)
    panel.page.evaluate(FAST_TIMERS)
    panel.page.context.set_offline(True)
    expect(card).to_contain_text("The connection is lost")
    assert ("goes on" in card.inner_text()) is (policy == "pinned")
    panel.page.context.set_offline(False)
    expect(card).to_contain_text("Connected.")
    lost, live = panel.page.evaluate("changes")
    assert lost.startswith("The connection is lost")
    assert live.startswith("Connected.")


@pytest.mark.parametrize("policy", ["pinned", "private"])
def test_what_can_be_done_with_a_session_that_is_not_held_is_said(policy: str, panel: Panel, demo: User) -> None:
    demo.start(policy=policy)
    panel.open()
    card = panel.live.first
    expect(card).to_contain_text("This page only shows the session; it can end it")
    assert ("can be named under “Last sessions”" in card.inner_text()) is (policy == "pinned")


def test_annotator_takes_back_what_it_said(panel: Panel, demo: User) -> None:
    session, lease = demo.start()
    panel.open()
    card = panel.live.first
    expect(card).to_contain_text("Connected.")
    for detail in ("Loading the model.", "Loading the <b>model</b> again."):
        demo.append(session, lease, [{"event_type": "service", "status": "loading", "detail": detail}])
        expect(card).to_contain_text(f"The annotator says: {detail}")
        expect(card).to_contain_text("Connected.")
    demo.append(session, lease, [{"event_type": "service", "status": "ready", "detail": ""}])
    expect(card).not_to_contain_text("The annotator says")


@pytest.mark.refusals
@pytest.mark.parametrize("noticed", [True, False], ids=["by the stream", "by saving"])
def test_names_are_saved_though_the_session_closes_meanwhile(noticed: bool, panel: Panel, demo: User) -> None:
    demo.closed()
    panel.open()
    panel.press("Resume", panel.recent.first)
    card = panel.live.first
    expect(card).to_contain_text("Connected.")
    panel.press("Name the speakers…", card)
    panel.dialog.get_by_role("group", name="Speaker A").get_by_label("Name").fill("Zoë")
    [live] = demo.live()
    if not noticed:
        panel.page.route("**/stream/**", lambda route: route.abort())
        panel.page.route("**/settings/panel/", lambda route: route.abort())
        panel.page.context.set_offline(True)
        panel.page.context.set_offline(False)
    lease = demo.call("POST", f"sessions/{live['id']}/attach/")["lease"]["token"]
    demo.call("POST", f"sessions/{live['id']}/end/", lease=lease)
    if noticed:
        expect(panel.receipts).to_have_count(1)
    panel.press("Save the names", panel.dialog)
    expect(panel.dialog).to_have_count(0)
    expect(panel.notice).to_contain_text("closed meanwhile. The names are saved with what is kept of it.")
    snapshot = demo.call("GET", f"sessions/{live['id']}/")["snapshot"]["id"]
    assert demo.call("GET", f"snapshots/{snapshot}/content/")["speakers"]["Speaker A"]["name"] == "Zoë"
    panel.page.unroute_all(behavior="ignoreErrors")


def test_events_that_are_not_shown_are_counted(panel: Panel, demo: User) -> None:
    session, lease = demo.start()
    demo.append(session, lease, [tone("Calm", second) for second in range(500)])
    demo.append(session, lease, [tone("Calm", second) for second in range(500, 1000)])
    panel.open()
    card = panel.live.first
    expect(card.get_by_role("listitem")).to_have_count(400)
    told = "600 earlier events are not shown here; the timeline has them after the session has closed."
    expect(card.get_by_text(told)).to_have_count(1)
    demo.append(session, lease, [tone("Calm", 1000)])
    expect(card.get_by_text("601 earlier events")).to_have_count(1)


def test_heading_stays_while_it_says_the_same(panel: Panel, demo: User) -> None:
    demo.start(topic="call-1")
    panel.open()
    card = panel.live.first
    expect(card).to_contain_text("Connected.")
    card.evaluate(NOTE_CHANGES)
    panel.look()
    panel.look()
    assert panel.page.evaluate("changes") == []


@pytest.mark.refusals
def test_card_that_was_busy_at_first_is_connected_later(panel: Panel, demo: User) -> None:
    session, _ = demo.start()
    busy = {"status": 503, "json": {"detail": "Busy.", "code": "X"}}
    panel.page.route(f"**/sessions/{session}/", lambda route: route.fulfill(**busy), times=1)
    panel.open()
    expect(panel.live.first).to_contain_text("Connected.")


@pytest.mark.refusals
def test_earlier_session_that_cannot_be_read_is_not_called_empty(panel: Panel, demo: User) -> None:
    receipt = demo.closed(topic="call-1")
    panel.open()
    waiting: list[Route] = []
    panel.page.route("**/content/**", lambda route: waiting.append(route))
    panel.press("Resume", panel.recent.first)
    expect(panel.live).to_have_count(1)
    demo.call("DELETE", f"snapshots/{receipt['snapshot']['id']}/")
    waiting[0].continue_()
    told = panel.live.first.get_by_role("listitem")
    expect(told).to_have_count(1)
    expect(told).to_contain_text("An earlier session of 5 events can't be shown here.")
    expect(told).to_contain_text("it was deleted in another window or on another device.")
    expect(told).not_to_contain_text("/api/")
