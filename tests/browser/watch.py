"""What must not happen on any page: errors, what the content policy forbids, and words with anybody else."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page, Request

#: What the browser itself writes when the service refuses something, or is away.
REFUSED = re.compile(r"^Failed to load resource: ")
#: Tells of violations in the console, where the browser does so too, but not for every kind.
TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
    console.error(`content policy: ${event.violatedDirective} ${event.blockedURI}`));
"""


class Watch:
    """Notes everything of a context from its first page on."""

    def __init__(self, context: BrowserContext, hosts: set[str], *, refusals: bool) -> None:
        self._hosts, self._refusals = hosts, refusals
        self.errors: list[str] = []
        self.strangers: list[str] = []
        context.add_init_script(TELL_VIOLATIONS)
        context.on("request", self._asked)
        context.on("console", self._told)
        context.on("weberror", lambda error: self._failed(error.error))
        context.on("page", self._opened)

    def _opened(self, page: Page) -> None:
        page.on("crash", lambda: self.errors.append("the page crashed"))

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"blob", "data"} and address.netloc not in self._hosts:
            self.strangers.append(request.url)

    def _told(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not (self._refusals and REFUSED.match(message.text)):
            self.errors.append(message.text)

    def _failed(self, error: Error) -> None:
        self.errors.append(str(error))

    def check(self) -> None:
        assert not self.errors, self.errors
        assert not self.strangers, self.strangers
