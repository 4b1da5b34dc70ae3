"""``/api/docs/errors/``: what each error code means, the page that a problem document's ``type`` leads to."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from sessions_app.errors import all_errors


@require_safe
def errors(request: HttpRequest) -> HttpResponse:
    """Each code with its title, its status, what it means and what to do."""
    described = [
        {
            "code": error.code,
            "title": error.title,
            "status": getattr(error, "status", ""),
            "about": _as_html(error.__doc__ or ""),
            "remedy": _as_html(error.default_detail),
        }
        for error in all_errors()
    ]
    return render(request, "sessions_app/errors.html", {"errors": described})


def _as_html(text: str) -> SafeString:
    """A text with ``code`` in it, as HTML."""
    parts = re.split(r"``(.+?)``", " ".join(text.split()))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if at % 2 else part,) for at, part in enumerate(parts))
    )
