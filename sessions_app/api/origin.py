"""Which page a request comes from: the one home of the rule that keeps pages of other sites out.

Browsers send a cookie, or reach this machine, for whatever page asks them to. They also say which page that is, in two
headers that no page can change: ``Origin`` (RFC 6454; with every request that is no plain GET, and with every one
across origins that a page may read) and ``Sec-Fetch-Site`` (Fetch Metadata). ``Origin: null`` is some page that does
not say which.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import is_same_domain

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def own_origin(request: HttpRequest) -> str:
    """The origin of this service's own pages, as the asking browser knows it."""
    return f"{request.scheme}://{request.get_host()}"


def is_from_own_page(request: HttpRequest) -> bool:
    """Whether the browser says so: a page of this service, or of an origin in ``CSRF_TRUSTED_ORIGINS``.

    A request that says nothing is not. For what is signed in by cookie and changes something.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site") == "same-origin"
    return origin == own_origin(request) or _is_trusted(origin)


def is_from_another_page(request: HttpRequest) -> bool:
    """Whether the browser says that a page of any other origin asks.

    A request that says nothing comes from no page: a program, or a person who typed the address.
    """
    if request.headers.get("Origin", own_origin(request)) != own_origin(request):
        return True
    return request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}


def is_visit(request: HttpRequest) -> bool:
    """Whether a person follows a link to a page, in a window of its own, which the page with the link can't read."""
    return (
        request.method in SAFE_METHODS
        and "Origin" not in request.headers
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") == "document"
    )


def _is_trusted(origin: str) -> bool:
    """``CSRF_TRUSTED_ORIGINS`` as Django reads it: ``https://*.example.org`` names all below."""
    scheme, _, host = origin.partition("://")
    for trusted in settings.CSRF_TRUSTED_ORIGINS:
        trusted_scheme, _, pattern = trusted.partition("://")
        if scheme == trusted_scheme and is_same_domain(host, pattern.removeprefix("*")):
            return True
    return False
