"""Finding a session from what a user can tell."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from sessions_app.models import Session
from snapshots.models import Snapshot
from tests.integration.admin.steps import (
    EVENTS,
    SESSIONS,
    SNAPSHOTS,
    rows,
)
from tests.integration.conftest import Api


def _spaced(pk: str) -> str:
    return " " + pk.replace("-", " ").upper() + " "


def _spellings(pk: str) -> list[str]:
    """An id whole or in part, as people copy it."""
    return [pk, _spaced(pk), pk[:8], pk[:13], pk.replace("-", ""), f"{{{pk}}}"]


def test_search_by_id_finds_the_session(support: Client, world: dict[str, str]) -> None:
    for typed in _spellings(world["closed"]) + _spellings(world["snapshot"]):
        assert rows(support.get(SESSIONS, {"q": typed})) == [world["closed"]], typed
        assert rows(support.get(SNAPSHOTS, {"q": typed})) == [world["snapshot"]], typed


def test_search_by_a_snapshot_that_was_never_resumed_finds_the_session(support: Client, paid: Api) -> None:
    wanted, _ = paid.closed(EVENTS), paid.closed(EVENTS)
    assert rows(support.get(SESSIONS, {"q": wanted["snapshot"]["id"]})) == [wanted["session"]]


def test_search_by_a_purged_snapshot_finds_the_session(support: Client, paid: Api, world: dict[str, str]) -> None:
    assert paid.delete(f"snapshots/{world['snapshot']}/").status_code == 204
    assert rows(support.get(SESSIONS, {"q": world["snapshot"]})) == [world["closed"]]


def test_search_by_name_and_mail_finds_the_user(support: Client, free: Api, world: dict[str, str]) -> None:
    User.objects.filter(pk=free.user.pk).update(email="fade@example.org", username="feed42")
    assert rows(support.get(SESSIONS, {"q": "FADE@example"})) == [world["ephemeral"]]
    # Is also the beginning of an id.
    assert world["ephemeral"] in rows(support.get(SESSIONS, {"q": "feed42"}))
    assert rows(support.get(SESSIONS, {"q": "nobody at all"})) == []


FILTERS = {
    "state=live": {"live", "ephemeral", "back"},
    "state=over": {"over", "put_off", "quarantined"},
    "state=closed": {"closed", "private", "purged"},
    "trouble=any": {"put_off", "quarantined"},
    "trouble=put_off": {"put_off"},
    "trouble=quarantined": {"quarantined"},
    "why=idle": {"closed", "private", "purged"},
    "why=staff": set(),
    "policy=private": {"private"},
    "policy=ephemeral": {"ephemeral"},
    "kept=until": {"closed"},
    "kept=always": set(),
    "kept=over": set(),
    "kept=user": {"purged"},
    "kept=staff": set(),
    "kept=never": {"private"},
    "kept=later": {"live", "ephemeral", "back", "over", "put_off", "quarantined"},
    "started=30": {"live", "ephemeral", "back", "over", "put_off", "quarantined", "closed", "private", "purged"},
    "state=nonsense": {"live", "ephemeral", "back", "over", "put_off", "quarantined", "closed", "private", "purged"},
}


def test_each_session_filter_narrows_the_list(support: Client, world: dict[str, str]) -> None:
    names = {pk: name for name, pk in world.items()}
    found = {chosen: {names[pk] for pk in rows(support.get(f"{SESSIONS}?{chosen}"))} for chosen in FILTERS}
    assert found == FILTERS


def test_session_filter_by_yesterday(support: Client, world: dict[str, str]) -> None:
    now = timezone.now()
    noon = now.replace(hour=12, minute=0) - timedelta(days=1)
    Session.objects.filter(pk=world["closed"]).update(started_at=noon)
    found = rows(support.get(f"{SESSIONS}?started=yesterday"))
    assert world["closed"] in found
    assert world["live"] not in found
    dated = rows(support.get(SESSIONS, _day(noon)))
    assert world["closed"] in dated
    assert world["live"] not in dated


def _day(moment: datetime) -> dict[str, int]:
    return {
        "started_at__year": moment.year,
        "started_at__month": moment.month,
        "started_at__day": moment.day,
    }


def test_kept_filters_know_time_over_and_without_an_end(support: Client, world: dict[str, str]) -> None:
    Snapshot.objects.filter(pk=world["snapshot"]).update(expires_at=None)
    assert rows(support.get(f"{SESSIONS}?kept=always")) == [world["closed"]]
    assert rows(support.get(f"{SNAPSHOTS}?kept=always")) == [world["snapshot"]]
    past = timezone.now() - timedelta(minutes=1)
    Snapshot.objects.filter(pk=world["snapshot"]).update(created_at=past - timedelta(days=1), expires_at=past)
    assert rows(support.get(f"{SESSIONS}?kept=over")) == [world["closed"]]
    assert rows(support.get(f"{SNAPSHOTS}?kept=over")) == [world["snapshot"]]
    assert rows(support.get(f"{SNAPSHOTS}?kept=until")) == []
