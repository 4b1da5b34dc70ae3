from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from sessions_app.live.handover import SCOPE_KEY
from tests.e2e.recordings import CANARY


class Unforeseen:
    """Something whose every use fails, with content in the exception's text."""

    def __getattr__(self, _name: str) -> Any:
        fail()


def fail() -> None:
    try:
        {}[CANARY]
    except KeyError as error:
        raise ValueError(f"cannot handle {CANARY!r}") from error


def view(_request: HttpRequest) -> HttpResponse:
    fail()
    return HttpResponse()


def stream(request: HttpRequest) -> HttpResponse:
    """Fails in the event loop, once Django is done with it."""
    request.scope[SCOPE_KEY] = Unforeseen()  # type: ignore[attr-defined]
    return HttpResponse()


urlpatterns = [
    path("api/v1/unforeseen/view/", view),
    path("api/v1/unforeseen/stream/", stream),
    path("", include("linnet_sessions.urls")),
]
handler500 = "sessions_app.views.pages.server_error"
