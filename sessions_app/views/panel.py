"""``/panel/``: the page with the settings panel. All it shows it reads by REST, as the person who opened it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def panel(request: HttpRequest) -> HttpResponse:
    """The page, the same for everybody but for its CSRF token. Who nobody knows is told by the panel how to sign in."""
    return render(request, "sessions_app/panel.html")
