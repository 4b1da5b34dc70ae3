"""Staff of each kind, and a world of sessions to look at."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from sessions_app.models import Entitlement
from sessions_app.services.groups import ensure_support_group
from snapshots.models import Snapshot
from tests.factories import UserFactory
from tests.integration.admin.steps import (
    PLANS,
    SCHEDULE,
    SESSIONS,
    SNAPSHOTS,
    TOPIC,
    closed_by_sweep,
    damaged,
    live,
    move_back,
    staff_client,
)
from tests.integration.conftest import Api


@pytest.fixture
def support_user(db: None) -> User:
    user: User = UserFactory(username="helper", is_staff=True)
    user.groups.add(ensure_support_group())
    return user


@pytest.fixture
def support(support_user: User) -> Client:
    return staff_client(support_user)


@pytest.fixture
def superuser(db: None) -> Client:
    return staff_client(UserFactory(username="root", is_staff=True, is_superuser=True))


@pytest.fixture
def onlooker(db: None) -> Client:
    """Staff who may look at sessions and snapshots, and do nothing."""
    user = UserFactory(username="onlooker", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_session", "view_snapshot"]))
    user.user_permissions.add(*Permission.objects.filter(codename="view_periodictask"))
    return staff_client(user)


@pytest.fixture
def world(paid: Api, free: Api, other: Api) -> dict[str, str]:
    """A session in every standing, and one snapshot that is kept."""
    made = {
        "closed": closed_by_sweep(paid),
        "live": live(paid),
        "private": closed_by_sweep(paid, policy="private", topic=""),
        "purged": closed_by_sweep(paid, topic=""),
        "ephemeral": live(free, topic=""),
        "over": live(other, topic=""),
        "put_off": damaged(other, tries=1),
        "quarantined": damaged(other, tries=8),
    }
    move_back(made["over"], timedelta(hours=1))
    made["snapshot"] = str(Snapshot.objects.get(session_id=made["closed"]).pk)
    gone = Snapshot.objects.get(session_id=made["purged"]).pk
    assert paid.delete(f"snapshots/{gone}/").status_code == 204
    back = paid.post(f"snapshots/{made['snapshot']}/import/", {"topic": ""})
    assert back.status_code == 201, back.content
    made["back"] = back.json()["id"]
    return made


@pytest.fixture
def pages(world: dict[str, str], paid: Api) -> list[str]:
    every = IntervalSchedule.objects.create(every=30, period="seconds")
    task = PeriodicTask.objects.create(name="sweep", task="sessions_app.tasks.sweep", interval=every)
    sessions = [pk for name, pk in world.items() if name != "snapshot"]
    entitlement = Entitlement.objects.get(user=paid.user)
    return [
        "/admin/",
        SESSIONS,
        f"{SESSIONS}?q={TOPIC}",
        *(f"{SESSIONS}{pk}/change/" for pk in sessions),
        f"{SESSIONS}{sessions[0]}/history/",
        SNAPSHOTS,
        f"{SNAPSHOTS}{world['snapshot']}/change/",
        f"{SNAPSHOTS}{world['snapshot']}/history/",
        PLANS,
        f"{PLANS}add/",
        f"{PLANS}{entitlement.pk}/change/",
        "/admin/auth/user/",
        f"/admin/auth/user/{paid.user.pk}/change/",
        SCHEDULE,
        f"{SCHEDULE}{task.pk}/change/",
        "/admin/django_celery_beat/intervalschedule/",
        f"/admin/django_celery_beat/intervalschedule/{every.pk}/change/",
    ]
