"""The page with the settings panel: where it is, and that nothing on it needs what a strict content policy forbids."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "sessions_app" / "static" / "sessions_app"
SCRIPTS = sorted(STATIC.rglob("*.js"))


@pytest.mark.django_db
def test_page_is_there_for_everybody_and_holds_no_content() -> None:
    # Not from this machine: nobody is known there.
    answer = Client(REMOTE_ADDR="192.0.2.7").get("/panel/")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    page = answer.content.decode()
    assert "<linnet-panel></linnet-panel>" in page
    assert re.search(r'<meta name="csrf-token" content="\w+">', page)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/panel"])
def test_way_to_the_panel(path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"]) == (302, "/panel/")


@pytest.mark.django_db
def test_page_has_nothing_inline_and_all_its_files_are_there() -> None:
    page = Client().get("/panel/").content.decode()
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", page)
    named = re.findall(r'(?:src|href)="/static/([^"]+)"', page)
    assert len(named) == 3
    assert all(finders.find(name) for name in named), named


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_script_makes_no_html_and_fits_on_a_page(script: Path) -> None:
    text = script.read_text()
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.style\b", text
    )
    assert "localStorage" not in text or script.name in {"memory.js", "linnet-session.js"}
    assert len(text.splitlines()) <= 330, "split it by subject"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_imports_of_scripts_lead_somewhere(script: Path) -> None:
    for target in re.findall(r'from "(\.[^"]+)"', script.read_text()):
        assert (script.parent / target).exists(), target
