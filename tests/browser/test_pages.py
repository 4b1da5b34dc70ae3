"""The pages beside the panel, under the content policy; and a page of another site, which gets nothing of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.user import User
from tests.e2e.stack import Stack

pytestmark = pytest.mark.browser
PASSWORD = "a password of this test alone"


@pytest.fixture
def admin(stack: Stack, demo: User, open_context: Callable[..., BrowserContext]) -> Page:
    """The admin's first page, of somebody who may see all of it."""
    make = f"from django.contrib.auth.models import User; User.objects.create_superuser('root', '', '{PASSWORD}')"
    if not stack.stored.rows("SELECT 1 FROM auth_user WHERE username = 'root'"):
        stack.manage("shell", "-c", make)
    page = open_context(stack).new_page()
    page.goto("/admin/")
    page.fill("#id_username", "root")
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    expect(page.locator("#content h1")).to_have_text("Support")
    return page


def addresses(page: Page, selector: str) -> list[str]:
    return sorted({link.get_attribute("href") or "" for link in page.locator(selector).all()})


def test_every_page_of_the_admin_keeps_to_the_policy(admin: Page, demo: User) -> None:
    session = demo.call("POST", "sessions/", {})["id"]
    lists = addresses(admin, "#content a[href^='/admin/']")
    assert {"/admin/sessions_app/session/", "/admin/snapshots/snapshot/"} <= set(lists)
    for address in lists:
        admin.goto(address)
    admin.goto(f"/admin/sessions_app/session/{session}/change/")
    # What is written by a script of the admin's own works too.
    admin.get_by_role("button", name="End now…").click()
    expect(admin.locator("#content h2").first).to_have_text("What will happen")


def test_page_of_the_api_works_under_the_policy(stack: Stack, open_context: Callable[..., BrowserContext]) -> None:
    page = open_context(stack).new_page()
    page.goto("/api/docs/")
    page.locator(".opblock-summary", has_text="/api/v1/settings/panel/").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .response .response-col_status").first).to_contain_text("200")
    page.goto("/api/docs/errors/")
    expect(page.locator("h1")).to_have_text("Errors of Linnet Sessions")


# --- a page of another site -------------------------------------------------------------------------------

ATTACK = """async (target) => {
  const tried = {};
  const attempt = async (name, make) => {
    try { const answer = await make(); tried[name] = `${answer.type} ${answer.status}`; }
    catch (error) { tried[name] = error.name; }
  };
  const json = {"Content-Type": "application/json"};
  for (const path of ["/api/v1/sessions/", "/session/start"]) {
    await attempt(`read ${path}`, () => fetch(target + path));
    await attempt(`read with cookies ${path}`, () => fetch(target + path, {credentials: "include"}));
    await attempt(`read unseen ${path}`, () => fetch(target + path, {mode: "no-cors"}));
    await attempt(`write ${path}`, () => fetch(target + path, {method: "POST", headers: json, body: "{}"}));
    await attempt(`write unseen ${path}`, () => fetch(target + path, {method: "POST", mode: "no-cors", body: "{}"}));
  }
  tried.stream = await new Promise((done) => {
    const source = new EventSource(target + "/session/x/stream", {withCredentials: true});
    source.onopen = () => done("open");
    source.onerror = () => done("refused");
  });
  tried.script = await new Promise((done) => {
    const script = Object.assign(document.createElement("script"), {src: target + "/api/docs/?script"});
    script.onload = () => done("loaded");
    script.onerror = () => done("refused");
    document.head.append(script);
  });
  tried.frame = await new Promise((done) => {
    const frame = Object.assign(document.createElement("iframe"), {src: target + "/panel/"});
    frame.onload = () => { try { done(frame.contentDocument ? "seen" : "closed"); } catch { done("closed"); } };
    document.body.append(frame);
  });
  return tried;
}"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[int]:
    """The port of another site, on this machine too: the nearest that a page of another origin can be."""
    (tmp_path / "index.html").write_text("<!doctype html><title>Elsewhere</title><link rel=icon href=data:,>")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_page_of_another_site_gets_and_does_nothing(
    name: str, elsewhere: int, stack: Stack, demo: User, browser: Browser
) -> None:
    before = demo.call("GET", "sessions/")["results"]
    page = browser.new_context().new_page()
    answers: list[int] = []
    page.on("response", lambda answer: answers.append(answer.status) if str(stack.port) in answer.url else None)
    page.goto(f"http://{name}:{elsewhere}/")
    tried = page.evaluate(ATTACK, f"http://127.0.0.1:{stack.port}")
    page.context.close()
    seen = {what: how for what, how in tried.items() if how not in {"TypeError", "opaque 0", "refused", "closed"}}
    assert seen == {}
    assert 403 in answers
    assert 201 not in answers
    assert demo.call("GET", "sessions/")["results"] == before


def test_link_from_another_site_leads_to_the_panel(elsewhere: int, stack: Stack, demo: User, browser: Browser) -> None:
    page = browser.new_context().new_page()
    page.goto(f"http://localhost:{elsewhere}/")
    page.evaluate(
        "(to) => document.body.append(Object.assign(document.createElement('a'), {href: to, textContent: 'there'}))",
        f"http://127.0.0.1:{stack.port}/panel/",
    )
    page.click("a")
    expect(page.locator("h1")).to_have_text("Your sessions")
    expect(page.get_by_role("heading", name="Preferences")).to_be_visible()
    expect(page.get_by_role("heading", name="You are not signed in")).to_be_hidden()
    page.context.close()
