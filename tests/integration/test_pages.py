"""The pages beside the panel: what the error codes mean, and what is shown at an address that leads nowhere."""

import re
from html import unescape

import pytest
from django.test import Client

from sessions_app.errors import all_errors


@pytest.fixture
def page() -> str:
    return Client().get("/api/docs/errors/").content.decode()


@pytest.mark.parametrize("error", all_errors())
def test_error_is_explained_with_what_to_do(error: type, page: str) -> None:
    (entry,) = re.findall(rf'<dt id="{error.code}">(.*?)</dd>', page, re.DOTALL)  # type: ignore[attr-defined]
    about, remedy = (unescape(re.sub(r"<[^>]+>", "", part)) for part in re.findall(r"<p>(.*?)</p>", entry, re.DOTALL))
    assert about == " ".join((error.__doc__ or "").replace("``", "").split())
    assert remedy == "What to do: " + error.default_detail.replace("``", "")  # type: ignore[attr-defined]
    assert remedy.endswith(".")


def test_code_is_shown_as_code(page: str) -> None:
    assert "`" not in page
    assert "<code>retry_after_s</code>" in page
    assert "sessions_app/page.css" in page


@pytest.mark.parametrize("path", ["/nix", "/nix/", "/panel/nix", "/health/nix", "/favicon"])
def test_unknown_address_leads_on(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 404
    shown = answer.content.decode()
    assert "sessions_app/page.css" in shown
    assert re.findall(r'<a href="([^"]+)"', shown) == ["/panel/", "/api/docs/"]
    assert "nix" not in shown


def test_unknown_address_of_the_api_is_a_problem() -> None:
    assert Client().get("/api/nix")["Content-Type"] == "application/problem+json"
