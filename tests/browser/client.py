"""The client module, loaded into a page, and what it told."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

LOAD = """async (options) => {
    const module = await import("/static/sessions_app/linnet-session.js");
    Object.assign(globalThis, module);
    globalThis.told = [];
    globalThis.session = new LinnetSession(options);
    for (const name of ["status", "annotation", "history", "deadline", "notice", "lease", "labels", "cleared"])
        session.addEventListener(name, ({ detail }) => told.push([name, detail]));
}"""
HIDE = """(state) => {
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""

#: The page's timers run ten times as fast, so that no test waits for its patience to end. The service is no faster.
FAST_TIMERS = """(() => {
    const [wait, limit] = [globalThis.setTimeout, AbortSignal.timeout];
    globalThis.setTimeout = (work, ms, ...more) => wait(work, ms / 10, ...more);
    AbortSignal.timeout = (ms) => limit.call(AbortSignal, ms / 10);
})()"""


class Client:
    """One ``LinnetSession`` in a page."""

    def __init__(self, page: Page, **options: Any) -> None:
        self.page = page
        page.evaluate(LOAD, options)

    def do(self, script: str, argument: Any = None) -> Any:
        """Run an expression in which ``session`` is the session. What it rejects with is returned by its name."""
        return self.page.evaluate(f"async (argument) => ({script})", argument)

    def wait(self, condition: str, argument: Any = None, *, timeout_ms: int = 20_000) -> None:
        """Until it is so."""
        self.page.wait_for_function(f"(argument) => ({condition})", arg=argument, timeout=timeout_ms)

    def wait_for(self, status: str, **kwargs: Any) -> None:
        self.wait("session.status === argument", status, **kwargs)

    def turn(self, visibility: str) -> None:
        """``hidden`` or ``visible``: the page goes into the background, or comes back."""
        self.page.evaluate(HIDE, visibility)

    def told(self, name: str) -> list[Any]:
        """The details of all events of this name, oldest first."""
        found: list[Any] = self.do("told.filter(([name]) => name === argument).map(([, detail]) => detail)", name)
        return found

    @property
    def status(self) -> str:
        return str(self.do("session.status"))

    @property
    def labels(self) -> list[str]:
        """What the annotations that came say, in the order in which they came."""
        return [event["label"] for event in self.told("annotation")]

    def refused(self, script: str, argument: Any = None) -> str:
        """The name and code of what a call rejects with."""
        call = f"{script}.then(() => 'not refused', (error) => `${{error.name}} ${{error.code ?? ''}}`.trim())"
        return str(self.do(call, argument))
