"""The client module: starting, writing, following, and holding the lease."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page

from tests.browser.client import Client
from tests.browser.user import CALL, User, tone
from tests.e2e.stack import Stack

pytestmark = pytest.mark.browser

Open = Callable[[Stack], Page]


def stored_labels(user: User, session: str) -> list[str]:
    return [event["label"] for event in user.call("GET", f"sessions/{session}/events/")["events"]]


def test_events_are_appended_and_come_back_once_and_in_order(demo: User, stack: Stack, client_page: Open) -> None:
    client = Client(client_page(stack))
    answer = client.do("await session.start({topic: 'call-1'})")
    assert answer["policy"] == "pinned"
    assert "token" not in answer["lease"], "the lease's token is for nobody but the module"
    client.wait_for("live")
    sent = client.do("await Promise.all([session.append(argument), session.append(argument.slice(0, 2))])", CALL)
    assert [(one["first_seq"], one["last_seq"]) for one in sent] == [(1, 5), (6, 7)]
    client.wait("session.events.length === 7")
    assert client.labels == [event["label"] for event in [*CALL, *CALL[:2]]]
    assert [event["seq"] for event in client.told("annotation")] == list(range(1, 8))


def test_only_the_id_is_remembered_and_a_reload_attaches(demo: User, stack: Stack, client_page: Open) -> None:
    page = client_page(stack)
    client = Client(page)
    session = client.do("await session.start()")["id"]
    assert client.do("({...localStorage})") == {"linnet-session": session}
    assert client.do("({...sessionStorage})") == {}
    page.reload()
    client = Client(page)
    assert client.do("session.rememberedId") == session
    assert client.do("await session.attach()")["lease"]["epoch"] == 2
    assert client.do("await session.append(argument)", CALL[:1])["last_seq"] == 1


def test_clear_now_forgets_everything_and_ends_nothing(demo: User, stack: Stack, client_page: Open) -> None:
    client = Client(client_page(stack))
    client.do("await session.start()")
    client.do("await session.append(argument)", CALL)
    client.wait("session.events.length === 5")
    client.do("session.clear()")
    assert client.do("[session.id, session.events, session.labels, session.holdsLease, session.rememberedId]") == [
        None,
        [],
        {},
        False,
        None,
    ]
    assert client.status == "none"
    assert len(demo.live()) == 1


@pytest.mark.refusals
def test_taken_over_session_is_told_and_still_followed(demo: User, stack: Stack, client_page: Open) -> None:
    client = Client(client_page(stack))
    session = client.do("await session.start()")["id"]
    client.wait_for("live")
    lease = demo.call("POST", f"sessions/{session}/attach/")["lease"]["token"]
    assert client.refused("session.append(argument)", CALL[:1]) == "Problem E-SESSION-003"
    assert client.told("lease")[-1]["held"] is False
    assert "took this session over" in client.told("lease")[-1]["because"]
    demo.append(session, lease, [tone("Calm", 1)])
    client.wait("session.events.length === 1")
    assert client.do("(await session.attach()).lease.epoch") == 3
    assert client.do("session.holdsLease")


def test_session_that_is_ended_elsewhere_is_over_here(demo: User, stack: Stack, client_page: Open) -> None:
    client = Client(client_page(stack))
    session, lease = demo.start()
    demo.append(session, lease, CALL)
    client.do("await session.watch(argument)", session)
    client.wait("session.events.length === 5")
    receipt = demo.call("POST", f"sessions/{session}/end/", lease=lease)
    client.wait_for("over")
    told = client.told("status")[-1]
    assert told["because"] == "You ended this session."
    assert told["snapshot"]["id"] == receipt["snapshot"]["id"]
    assert client.do("session.events") == []
    # ... and can be brought back: the earlier history first.
    client.do("await session.resume()")
    client.wait_for("live")
    [history] = client.told("history")
    assert "because" not in history
    assert [event["label"] for event in history["events"]] == [event["label"] for event in CALL]
    assert history["resumedFrom"]["snapshot"] == receipt["snapshot"]["id"]


@pytest.mark.refusals
def test_unknown_session_is_over_at_once(demo: User, stack: Stack, client_page: Open) -> None:
    client = Client(client_page(stack))
    unknown = "00000000-0000-4000-8000-000000000000"
    assert client.refused("session.attach(argument)", unknown) == "Problem E-SESSION-002"
    assert client.status == "over"


def test_real_interaction_extends_and_made_up_does_not(demo: User, stack: Stack, client_page: Open) -> None:
    page = client_page(stack)
    touches: list[str] = []
    page.on("request", lambda request: request.url.endswith("/touch/") and touches.append(request.post_data or ""))
    client = Client(page)
    session = client.do("await session.start()")["id"]
    started = demo.call("GET", f"sessions/{session}/")["last_activity_at"]
    client.do("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'a', bubbles: true}))")
    client.do("document.body.click()")
    page.wait_for_timeout(300)
    assert touches == []
    with page.expect_response("**/touch/") as touched:
        page.mouse.click(5, 5)
    assert touched.value.ok
    for _ in range(5):
        page.keyboard.press("Shift")
    page.wait_for_timeout(300)
    assert len(touches) == 1, "what follows within a minute is told at its end"
    assert demo.call("GET", f"sessions/{session}/")["last_activity_at"] > started
    client.wait("told.filter(([name]) => name === 'deadline').length === 2")


def test_page_of_another_origin_streams_by_ticket(demo: User, stack: Stack, client_page: Open) -> None:
    page = client_page(stack)
    streams: list[str] = []
    page.on("request", lambda request: "/stream/" in request.url and streams.append(request.url))
    client = Client(page, token=demo.token, storage=None)
    session = client.do("await session.start()")["id"]
    client.wait_for("live")
    client.do("await session.append(argument)", CALL)
    client.wait("session.events.length === 5")
    [stream] = streams
    assert parse_qs(urlsplit(stream).query).keys() == {"ticket"}
    assert demo.token not in stream
    assert demo.call("GET", f"sessions/{session}/")["events"] == 5
    assert client.do("localStorage.length") == 0


def test_names_are_told(demo: User, stack: Stack, client_page: Open) -> None:
    client = Client(client_page(stack))
    client.do("await session.start()")
    client.do("await session.label({'Speaker A': {name: 'Zoë'}})")
    assert client.do("session.labels") == {"Speaker A": {"name": "Zoë"}}
    assert client.told("labels")[-1] == {"Speaker A": {"name": "Zoë"}}


@pytest.mark.parametrize("lock", ["undefined", "{request: () => Promise.reject(new DOMException('no'))}"])
def test_missing_wake_lock_makes_no_difference(lock: str, demo: User, stack: Stack, client_page: Open) -> None:
    page = client_page(stack)
    page.evaluate(f"() => Object.defineProperty(navigator, 'wakeLock', {{value: {lock}}})")
    client = Client(page)
    client.do("await session.start()")
    client.wait_for("live")


def test_wake_lock_is_held_while_live_and_then_released(demo: User, stack: Stack, client_page: Open) -> None:
    page = client_page(stack)
    page.evaluate("""() => {
        globalThis.locks = [];
        const request = async (kind) => {
            const lock = Object.assign(new EventTarget(), { released: false });
            lock.release = async () => { lock.released = true; };
            locks.push(lock);
            return lock;
        };
        Object.defineProperty(navigator, "wakeLock", { value: { request } });
    }""")
    client = Client(page)
    client.do("await session.start()")
    client.wait_for("live")
    client.wait("locks.length === 1 && !locks[0].released")
    client.do("await session.end()")
    client.wait("locks.length === 1 && locks[0].released")
