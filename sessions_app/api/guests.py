"""Letting a passing visitor of a demo in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import login
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from sessions_app.api.identity import Identity
from sessions_app.api.origin import is_from_own_page
from sessions_app.conf import conf
from sessions_app.errors import CrossSite, NotAuthenticated
from sessions_app.modes import Mode
from sessions_app.services.credentials import Credential, CredentialKind
from sessions_app.services.guests import LIFETIME, new_guest


class KnownOrVisitor(IsAuthenticated):
    """For what a visitor of a demo may ask without being anybody yet. The view then calls :func:`user_or_guest`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        visitor = request._request.identity is None and conf.mode is Mode.DEMO
        return visitor or bool(super().has_permission(request, view))


def user_or_guest(request: HttpRequest, *, now: datetime) -> AbstractBaseUser:
    """Who is asking; for a visitor of a demo a guest of their own, signed in by cookie for a day.

    Raises:
        NotAuthenticated: nobody, and this is no demo.
        CrossSite: a page of another site would make a visitor of somebody.
        DemoFull: no place is free.
    """
    identity: Identity | None = request.identity  # type: ignore[attr-defined]
    if identity is not None and identity.user is not None:
        return identity.user
    if identity is not None or conf.mode is not Mode.DEMO:
        raise NotAuthenticated
    if not is_from_own_page(request):
        raise CrossSite
    guest = new_guest(now=now)
    login(request, guest, backend="django.contrib.auth.backends.ModelBackend")
    request.session.set_expiry(LIFETIME)
    credential = Credential(CredentialKind.SESSION, request.session.session_key or "")
    request.identity = Identity(guest, by_cookie=True, credential=credential)  # type: ignore[attr-defined]
    return guest
