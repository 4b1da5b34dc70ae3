"""What is cleared away beside snapshots, whoever asks for it: the worker every hour, or an operator."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session as StoredLogin
from django.core.management import call_command
from django.utils import timezone

from sessions_app.models import Ticket
from sessions_app.services import tickets
from sessions_app.services.credentials import Credential, CredentialKind
from sessions_app.tasks import purge_snapshots
from tests.flows import begin


@pytest.mark.django_db
@pytest.mark.parametrize("way", [purge_snapshots, lambda: call_command("purge_snapshots")], ids=["worker", "command"])
def test_tickets_and_logins_past_their_time_are_removed(way: Callable[[], Any], capsys: Any) -> None:
    lease, now = begin(), timezone.now()
    for issued_at in (now, now - tickets.LIFETIME):
        tickets.issue(
            owner_id=lease.session.owner_id,
            session_id=lease.session.pk,
            credential=Credential(CredentialKind.INSTANCE),
            now=issued_at,
        )
    for lasts in (timedelta(hours=1), timedelta(seconds=-1)):
        login = SessionStore()
        login.set_expiry(now + lasts)
        login.create()
    way()
    assert [ticket.expires_at > now for ticket in Ticket.objects.all()] == [True]
    assert [login.expire_date > now for login in StoredLogin.objects.all()] == [True]
