"""Who is asking: an API token or JWT, Linnet's cookie, the person at this machine, Django's session. In this order."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed

from sessions_app.api.origin import is_from_another_page, is_visit
from sessions_app.api.peers import is_at_this_machine, is_trusted_proxy
from sessions_app.api.user_tokens import UserTokenAuthentication
from sessions_app.conf import conf
from sessions_app.errors import CrossSite, NotAuthenticated
from sessions_app.models import Annotator
from sessions_app.modes import Mode
from sessions_app.services.credentials import Credential, CredentialKind
from sessions_app.services.outside_users import read_cloud_token, user_of_cloud
from sessions_app.services.tokens import ANNOTATOR_PREFIX, find_annotator

#: Linnet's own name for the cookie that holds its JWT.
CLOUD_COOKIE = "cf_session"
#: Pages of the service itself. They are shown to nobody in particular, too, and ask people to sign in.
PANEL_PREFIX = "/panel/"

_OF_AN_ANNOTATOR = Credential(CredentialKind.ANNOTATOR)


@dataclass(frozen=True, slots=True)
class Identity:
    """A user; or an annotator, who is no user.

    ``by_cookie``: a cookie says so, which browsers send by themselves. ``credential`` is what an open stream is
    checked by later (``services.credentials.still_hold``).
    """

    user: AbstractBaseUser | None
    by_cookie: bool = False
    annotator: Annotator | None = None
    credential: Credential = _OF_AN_ANNOTATOR

    @property
    def kind(self) -> CredentialKind:
        """By what the user is known."""
        return self.credential.kind


def identify(request: HttpRequest, *, now: datetime) -> Identity | None:
    """Who is asking; None for nobody. Also sets ``request.user``.

    Raises:
        NotAuthenticated: credentials are there, and wrong. They never fall back to a weaker kind.
        CrossSite: a page of another site tries to speak as the person at this machine.
    """
    header = request.headers.get("Authorization")
    if header is not None:
        identity = _by_header(request, header, now)
        if identity is None:
            raise NotAuthenticated
    elif _has_ticket(request):
        return None
    else:
        identity = _by_cloud(request, now) or _by_being_here(request) or _by_login(request)
    if identity is not None and identity.user is not None:
        request.user = identity.user  # type: ignore[assignment]
    return identity


def _has_ticket(request: HttpRequest) -> bool:
    """A stream that is opened with a ticket: the stream's view takes it, and nothing else speaks for the user."""
    return "ticket" in request.GET and request.path.rstrip("/").endswith("/stream")


def _by_header(request: HttpRequest, header: str, now: datetime) -> Identity | None:
    # Tokens are plain ASCII; anything else is wrong already, and a NUL must not reach the database.
    if not (header.isascii() and header.isprintable()):
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() == "bearer" and conf.mode is Mode.CLOUD:
        return _of_cloud(token, now, by_cookie=False)
    if scheme.lower() == "token" and token.startswith(ANNOTATOR_PREFIX):
        annotator = find_annotator(token)
        return annotator and Identity(None, annotator=annotator)
    with suppress(AuthenticationFailed):
        found = UserTokenAuthentication().authenticate(request)
        if found is not None:
            user, stored = found
            return Identity(user, credential=Credential(CredentialKind.TOKEN, stored.digest, stored.expiry))
    return None


def _by_cloud(request: HttpRequest, now: datetime) -> Identity | None:
    """Linnet's cookie; or the header into which a trusted proxy has put it, which browsers have sent just the same."""
    if conf.mode is not Mode.CLOUD:
        return None
    passed_on = request.headers.get(conf.cloud_session_header, "") if is_trusted_proxy(request) else ""
    token = passed_on or request.COOKIES.get(CLOUD_COOKIE, "")
    return _of_cloud(token, now, by_cookie=True) if token else None


def _of_cloud(token: str, now: datetime, *, by_cookie: bool) -> Identity:
    login = read_cloud_token(token, now=now)
    credential = Credential(CredentialKind.JWT, expires_at=login.expires_at)
    return Identity(user_of_cloud(login.outside_id), by_cookie=by_cookie, credential=credential)


def _by_being_here(request: HttpRequest) -> Identity | None:
    """The one user of a self-hosted installation: whoever sits at this machine."""
    name = conf.self_hosted_user
    if conf.mode is not Mode.SELF_HOSTED or not name or not is_at_this_machine(request):
        return None
    if is_from_another_page(request) and not (request.path.startswith(PANEL_PREFIX) and is_visit(request)):
        raise CrossSite
    user = get_user_model().objects.filter(username=name, is_active=True).first()
    return user and Identity(user, credential=Credential(CredentialKind.INSTANCE))


def _by_login(request: HttpRequest) -> Identity | None:
    if not request.user.is_authenticated:
        return None
    key = request.session.session_key or ""
    return Identity(request.user, by_cookie=True, credential=Credential(CredentialKind.SESSION, key))
