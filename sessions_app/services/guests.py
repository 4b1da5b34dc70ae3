"""Visitors of a demo: each is a user of their own, whom nobody shares and who is gone after a day."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from sessions_app.conf import conf
from sessions_app.errors import DemoFull, NotInDemo
from sessions_app.lease import Policy, State
from sessions_app.models import Session
from sessions_app.services.retention import delete_session
from snapshots.services.keys import destroy_user_key

log = logging.getLogger(__name__)

#: Begins the names of guests. No form takes a colon in a name, so nobody can name themselves into one.
PREFIX = "guest:"
LIFETIME = timedelta(days=1)
PURGE_BATCH = 100
#: The database's lock of the demo's places: any number that nothing else of this service locks.
_LOCK = 0x6C696E6E65740001


def is_guest(user: AbstractBaseUser) -> bool:
    """Whether this user is a passing visitor."""
    return user.get_username().startswith(PREFIX)


def new_guest(*, now: datetime) -> AbstractBaseUser:
    """A user for somebody who just came by.

    Raises:
        DemoFull: there would be no place for a session of theirs.
    """
    _count_places(now)
    return get_user_model().objects.create(
        username=PREFIX + uuid.uuid4().hex, password=make_password(None), date_joined=now
    )


def require_place(*, now: datetime) -> None:
    """Whether one more session may start in this demo. Inside the transaction that starts it.

    Raises:
        DemoFull: as many as may run are running.
    """
    if connection.vendor == "postgresql":
        # Held until the transaction ends, so that of two that start at once the second sees the first. SQLite has one
        # writer at a time anyway.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s::bigint)", [_LOCK])
    _count_places(now)


def _count_places(now: datetime) -> None:
    if Session.objects.live_at(now).count() >= conf.demo_max_sessions:
        raise DemoFull(retry_after_s=int(conf.idle_timeout(Policy.EPHEMERAL).total_seconds()))


def refuse_guest(user: AbstractBaseUser) -> None:
    """For what a demo does not give.

    Raises:
        NotInDemo: the user is a guest.
    """
    if is_guest(user):
        raise NotInDemo


def purge(*, now: datetime) -> int:
    """Remove guests who came more than a day ago and have no live session, with everything of theirs. How many.

    A guest whose session can't be closed now stays until it can.
    """
    removed = 0
    last = 0
    while batch := list(_gone(now).filter(pk__gt=last).order_by("pk")[:PURGE_BATCH]):
        last = batch[-1].pk
        removed += sum(_remove(guest, now=now) for guest in batch)
    return removed


def _gone(now: datetime) -> QuerySet[AbstractBaseUser]:
    live = Session.objects.filter(owner=OuterRef("pk")).exclude(state=State.CLOSED)
    old = get_user_model().objects.filter(username__startswith=PREFIX, date_joined__lte=now - LIFETIME)
    return old.exclude(Exists(live))


def _remove(guest: AbstractBaseUser, *, now: datetime) -> bool:
    user_id = guest.pk
    with transaction.atomic():
        # Under the lock of every start, and looked at only after it: a start may have had it until now.
        list(get_user_model().objects.select_for_update().filter(pk=guest.pk))
        if not _gone(now).filter(pk=guest.pk).exists():
            return False
        for session_id in Session.objects.owned_by(guest.pk).values_list("pk", flat=True):
            delete_session(owner_id=guest.pk, session_id=session_id, now=now)
        destroy_user_key(owner_id=guest.pk)
        guest.delete()
    log.info("guest_removed user=%s", user_id)
    return True
