"""The panel as a person finds their way in it: by headings, names of buttons, and what is told."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

#: Wider than the window without a way to scroll there, which a person at 320 px would never see.
OVERFLOWING = """() => {
    const all = [];
    const walk = (root) => root.querySelectorAll("*").forEach((element) => {
        if (element.shadowRoot) walk(element.shadowRoot);
        if (element.closest(".scroll, svg, option") || !element.checkVisibility()) return;
        if (element.localName === "dialog" && element.scrollWidth > element.clientWidth) all.push("the dialog scrolls");
        const box = element.getBoundingClientRect();
        if (box.right > document.documentElement.clientWidth + 1 || box.left < -1)
            all.push(`${element.localName}.${element.className}: ${box.left} to ${box.right}`);
    });
    walk(document);
    if (document.documentElement.scrollWidth > document.documentElement.clientWidth) all.push("the page scrolls");
    return all;
}"""
#: What has the focus, also inside shadow trees: its role-ish tag and its words.
FOCUSED = """() => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    const labels = [...(element?.labels ?? [])].map((label) => label.textContent);
    return [element?.localName ?? "", (labels.join(" ") || element?.textContent || "").trim()];
}"""


class Panel:
    """A page with the panel."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self) -> Panel:
        self.page.goto("/panel/")
        expect(self.page.get_by_role("heading", name="Preferences")).to_be_visible()
        return self

    def section(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)

    @property
    def live(self) -> Locator:
        """The cards of what is live."""
        return self.section("Live now").get_by_role("article")

    @property
    def receipts(self) -> Locator:
        """The receipts of what was live a moment ago, the latest first."""
        return self.section("Just ended").get_by_role("article")

    @property
    def recent(self) -> Locator:
        """The cards of what has closed, newest first."""
        return self.section("Last sessions").get_by_role("article")

    @property
    def notice(self) -> Locator:
        """What is told about the panel as a whole."""
        return self.page.locator(".notice")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def look(self) -> None:
        """Have the panel ask what is there, now; until it has the answer. One that was under way is not meant."""
        with self.page.expect_request("**/settings/panel/") as asked:
            self.page.evaluate("dispatchEvent(new Event('online'))")
        asked.value.response()

    def press(self, name: str, within: Locator | None = None) -> None:
        (within or self.page).get_by_role("button", name=name, exact=True).click()

    def wait(self, done: Callable[[], bool], what: str) -> None:
        """Until it is so. Unlike a plain assertion, it lets the browser tell of what has happened meanwhile."""
        for _ in range(100):
            if done():
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"Waited for {what}.")

    def overflowing(self) -> list[str]:
        found: list[str] = self.page.evaluate(OVERFLOWING)
        return found

    def focused(self) -> tuple[str, str]:
        tag, words = self.page.evaluate(FOCUSED)
        return tag, words

    def tab_to(self, words: str, *, most: int = 80) -> None:
        """Go there by the Tab key alone."""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            if self.focused()[1].startswith(words):
                return
        raise AssertionError(f"{words!r} can't be reached by Tab")
