"""A browser, running installations, and pages that are watched for errors and for whom they talk to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.elsewhere import Elsewhere
from tests.browser.panel import Panel
from tests.browser.user import User
from tests.browser.watch import Watch
from tests.e2e.stack import Stack

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: How long anything may take to appear, in milliseconds: a panel that looks every 4 s, on a busy machine.
PATIENCE_MS = 20_000


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def other_origin() -> Iterator[Elsewhere]:
    """A web server of another origin, with pages of its own."""
    with Elsewhere() as server:
        yield server


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, other_origin: Elsewhere) -> Iterator[Stack]:
    """A running installation with the settings that everybody gets, and one other front end."""
    yield from Stack(tmp_path_factory.mktemp("stack"), CLIENT_ORIGINS=other_origin.origin).running()


@pytest.fixture(scope="session")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running installation where a pinned session is idle after a few seconds."""
    yield from Stack(tmp_path_factory.mktemp("hasty"), SESSION_PAID_TTL_S="5", SWEEP_INTERVAL_S="2").running()


@pytest.fixture(scope="session")
def _demo(stack: Stack) -> User:
    return User(stack, stack.token())


@pytest.fixture(scope="session")
def _hasty_demo(hasty: Stack) -> User:
    return User(hasty, hasty.token())


@pytest.fixture
def demo(_demo: User) -> User:
    """The person whose machine it is, of whom nothing is kept yet. Pages are theirs without signing in."""
    _demo.start_anew()
    return _demo


@pytest.fixture
def hasty_demo(_hasty_demo: User) -> User:
    """The same, in a hurry."""
    _hasty_demo.start_anew()
    return _hasty_demo


@pytest.fixture
def open_context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., BrowserContext]]:
    """Makes contexts (``color_scheme``, ``viewport``, …) whose pages are watched; looks at what they saw at the end.

    They may speak with their stack, and with ``others``, but with nobody else.
    """
    watched: list[tuple[BrowserContext, Watch]] = []
    refusals = request.node.get_closest_marker("refusals") is not None

    def make(stack: Stack, *others: str, **options: object) -> BrowserContext:
        options = {
            "viewport": {"width": 1100, "height": 900},
            "locale": "en-GB",
            "timezone_id": "Europe/Berlin",
        } | options
        context = browser.new_context(base_url=f"http://127.0.0.1:{stack.port}", **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        watched.append((context, Watch(context, {f"127.0.0.1:{stack.port}", *others}, refusals=refusals)))
        return context

    yield make
    for context, watch in watched:
        context.close()
        watch.check()


@pytest.fixture
def panel(demo: User, stack: Stack, open_context: Callable[..., BrowserContext]) -> Panel:
    """The panel of a person of whom nothing is kept yet."""
    return Panel(open_context(stack).new_page())


@pytest.fixture
def client_page(open_context: Callable[..., BrowserContext]) -> Callable[[Stack], Page]:
    """Opens a page of the service that has nothing to do with sessions, for the client module to be loaded into."""

    def make(stack: Stack) -> Page:
        page = open_context(stack).new_page()
        page.goto("/api/docs/errors/")
        assert urlsplit(page.url).port == stack.port
        return page

    return make


@pytest.fixture(scope="session")
def shots() -> Path | None:
    """The folder for pictures, where somebody wants to look at them: ``SHOTS=/some/folder``."""
    folder = os.environ.get("SHOTS")
    if folder is None:
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder)


def pytest_configure(config: pytest.Config) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    config.addinivalue_line("markers", "refusals: the service refuses something, or is away, in this test")
