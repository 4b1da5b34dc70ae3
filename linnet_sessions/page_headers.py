"""Headers of every answer that Django has no setting for."""

from __future__ import annotations

from collections.abc import Callable
from wsgiref.headers import Headers

from csp.utils import build_policy
from django.http import HttpRequest, HttpResponse

HEADERS = {
    # No page of this service records, locates or charges anybody.
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    # No page of another site embeds an answer unread, to guess at it by its size or its time.
    "Cross-Origin-Resource-Policy": "same-origin",
    # Nearly every answer is about somebody, and many say what was said: no browser or proxy writes it to its disk.
    "Cache-Control": "no-store",
}


class PageHeadersMiddleware:
    """Adds them, and the content security policy, which is the same for every page.

    So it is put together once: django-csp's own middleware does that for each answer, and takes 76 µs for it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._headers = {**HEADERS, "Content-Security-Policy": build_policy()}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in self._headers.items():
            response.setdefault(name, value)
        return response


def add_to_static_files(headers: Headers, _path: str, _url: str) -> None:
    """What static files need of it, which are answered before any other middleware. Pages elsewhere may use them."""
    headers["X-Content-Type-Options"] = "nosniff"
