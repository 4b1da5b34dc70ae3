"""The timeline of a closed session: its colours, and how much it can hold."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.panel import Panel
from tests.browser.user import User, tone

pytestmark = pytest.mark.browser

#: A timeline of more events than a call takes arguments. How many rows it has folded away, in its own words.
DRAW_MANY = """async (many) => {
    const { timeline } = await import("/static/sessions_app/panel/timeline.js");
    const event = { event_type: "tone", label: "Calm", speaker_id: "Speaker A" };
    const events = Array.from({ length: many }, (_, place) => ({ ...event, timestamp: place / 10 }));
    return timeline({ events, speakers: {} }).querySelector("summary").textContent;
}"""


def test_timeline_of_the_longest_session_is_drawn(panel: Panel) -> None:
    panel.open()
    assert panel.page.evaluate(DRAW_MANY, 300_000) == "The same as a table (300,000 events)"


def test_colours_are_the_same_in_the_timeline_and_where_they_are_chosen(panel: Panel, demo: User) -> None:
    nobody = {"event_type": "tone", "label": "Calm", "timestamp": 1}
    demo.closed([nobody, tone("Tense", 3), tone("Calm", 4, "Speaker B")])
    panel.open()
    card = panel.recent.first
    card.get_by_text("Timeline", exact=True).click()
    lanes = card.locator(".lane")
    expect(lanes).to_have_count(3)
    panel.press("Name the speakers…", card)
    expect(panel.dialog).to_be_visible()
    chosen = [colour.input_value() for colour in panel.dialog.get_by_label("Colour").all()]
    drawn = [lane.locator("rect").first.get_attribute("fill") for lane in lanes.all()]
    assert drawn[1:] == chosen
    assert len(set(drawn)) == 3
