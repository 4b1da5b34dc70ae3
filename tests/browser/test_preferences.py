"""The preferences: what is told of an entry that does not hold, and that an old answer does not undo a new one."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.panel import Panel
from tests.browser.user import User

pytestmark = pytest.mark.browser


def test_entry_that_does_not_hold_is_told_in_the_words_of_the_panel(panel: Panel) -> None:
    """Not in the browser's, which may be of another language, and say less."""
    panel.open()
    wishes = panel.section("Preferences")
    for label, entered, told in [
        ("Keep closed sessions", "9999", "Enter a whole number from 1 to 3650, or nothing."),
        ("Show this many", "", "Enter a whole number from 1 to 50."),
        ("Tell this many", "1.5", "Enter a whole number from 0 to 3600."),
    ]:
        field = wishes.get_by_label(label)
        before = field.input_value()
        field.fill(entered)
        panel.press("Save preferences", wishes)
        expect(field).to_be_focused()
        expect(field).to_have_accessible_description(re.compile(re.escape(told)))
        field.fill(before)


def test_answer_from_before_a_change_does_not_undo_it(panel: Panel, demo: User) -> None:
    panel.open()
    waiting: list[Route] = []
    answer = demo.call("GET", "settings/panel/")
    panel.page.route("**/settings/panel/", lambda route: waiting.append(route))
    panel.page.evaluate("dispatchEvent(new Event('online'))")
    wishes = panel.section("Preferences")
    field = wishes.get_by_label("Show this many")
    field.fill("7")
    panel.press("Save preferences", wishes)
    expect(wishes).to_contain_text("Saved.")
    with panel.page.expect_response("**/settings/panel/"):
        waiting[0].fulfill(json=answer)
    panel.page.wait_for_timeout(300)
    assert field.input_value() == "7"
    panel.page.unroute_all(behavior="ignoreErrors")
