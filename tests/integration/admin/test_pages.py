"""What the pages say: metadata, in words."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from sessions_app.models import Entitlement
from sessions_app.services.tiers import Plan
from sessions_app.tiers import Tier
from snapshots.models import Snapshot
from tests.factories import EntitlementFactory
from tests.integration.admin.steps import (
    EVENTS,
    PLANS,
    SESSIONS,
    SNAPSHOTS,
    _plain,
    live,
    rows,
    text,
)
from tests.integration.conftest import Api, api_for

STATUSES = {
    "live": (r"Live until \d{4}-\d\d-\d\d \d\d:\d\d UTC \(idle clock\)", "In the journal; saved when it closes"),
    "closed": (r"Closed [\d-]+ [\d:]+ UTC: nothing happened for 30 minutes", r"Kept until [\d-]+ [\d:]+ UTC"),
    "private": (r"Closed [\d-]+ [\d:]+ UTC: nothing happened for 45 minutes", "Nothing is kept: private"),
    "purged": (r"Closed [\d-]+ [\d:]+ UTC: nothing happened", r"Deleted by the user on [\d-]+"),
    "ephemeral": (r"Live until", "Nothing will be kept: ephemeral"),
    "over": (r"Over since [\d-]+ [\d:]+ UTC; being saved", "In the journal"),
    "put_off": (r"Could not be saved yet: tried 1 time, next try [\d-]+ [\d:]+ UTC", "In the journal"),
    "quarantined": (r"In quarantine since [\d-]+ [\d:]+ UTC", "In the journal"),
}


def test_session_list_says_what_each_is_now(support: Client, world: dict[str, str]) -> None:
    table = support.get(SESSIONS).content.decode()
    lines = {pk: _plain(line) for line in table.split("<tr>") for pk in world.values() if f'value="{pk}"' in line}
    for name, (status, kept) in STATUSES.items():
        assert re.search(status, lines[world[name]]), name
        assert re.search(kept, lines[world[name]]), name


SHORT = {
    "live": "This session is live.",
    "closed": "The user can bring it back",
    "private": "Nobody can bring it back.",
    "purged": "It can't be brought back.",
    "ephemeral": "nothing of it is kept, because it is ephemeral",
    "over": "tell the operators",
    "put_off": "it is tried again by itself",
    "quarantined": "then release it",
}


@pytest.mark.parametrize("name", SHORT)
def test_session_page_says_what_happened_and_what_to_do(support: Client, world: dict[str, str], name: str) -> None:
    page = text(support.get(f"{SESSIONS}{world[name]}/change/"))
    assert SHORT[name] in page
    assert ("A stored record does not open" in page) is (name in {"put_off", "quarantined"})


def test_session_page_of_a_lapsed_user_names_the_plan(support: Client, paid: Api, world: dict[str, str]) -> None:
    Entitlement.objects.filter(user=paid.user).update(valid_until=timezone.now())
    for page in (f"{SESSIONS}{world['closed']}/change/", f"{SNAPSHOTS}{world['snapshot']}/change/"):
        assert "plan is free now: they can list, export and delete it" in text(support.get(page))


class Silent:
    """What knows the plans does not answer."""

    def resolve(self, **_: Any) -> Plan:
        return Plan(Tier.FREE, known=False)


def test_plan_that_nobody_can_say_now_is_not_told_as_free(
    support: Client, world: dict[str, str], settings: Settings
) -> None:
    settings.TIER_RESOLVER = f"{__name__}.Silent"
    closed = text(support.get(f"{SESSIONS}{world['closed']}/change/"))
    assert "paid when it started, not known now: the licence server does not answer" in closed
    for page in (closed, text(support.get(f"{SNAPSHOTS}{world['snapshot']}/change/"))):
        assert "The user can list, export and delete it" in page
        assert "whether their plan gives bringing it back can't be looked up now" in page
        assert "is free" not in page


def test_session_page_links_what_was_brought_back(support: Client, world: dict[str, str]) -> None:
    source, back = (support.get(f"{SESSIONS}{world[name]}/change/") for name in ("closed", "back"))
    assert f"{SESSIONS}{world['back']}/change/" in source.content.decode()
    assert f"{SNAPSHOTS}{world['snapshot']}/change/" in source.content.decode()
    assert f"{SESSIONS}{world['closed']}/change/" in back.content.decode()


def test_expired_snapshot_is_told_as_over(support: Client, world: dict[str, str]) -> None:
    past = timezone.now() - timedelta(minutes=1)
    Snapshot.objects.filter(pk=world["snapshot"]).update(created_at=past - timedelta(days=1), expires_at=past)
    for page in (f"{SESSIONS}{world['closed']}/change/", f"{SNAPSHOTS}{world['snapshot']}/change/", SNAPSHOTS):
        assert "Over since" in text(support.get(page))
    assert (
        "Keep without an end…</button>" not in support.get(f"{SNAPSHOTS}{world['snapshot']}/change/").content.decode()
    )


@pytest.mark.parametrize("address", [SESSIONS, SNAPSHOTS, PLANS])
def test_list_needs_as_many_queries_for_30_rows_as_for_3(
    support: Client, address: str, django_assert_num_queries: Any, settings: Any
) -> None:
    settings.SESSION_MAX_LIVE = 100

    def add(number: int) -> None:
        for _ in range(number):
            api = api_for(EntitlementFactory().user)
            live(api)
            api.closed(EVENTS)

    support.get(address)  # what Django remembers after the first time (content types)
    add(3)
    with CaptureQueriesContext(connection) as few:
        assert len(rows(support.get(address))) in {3, 6}
    add(12 if address == SESSIONS else 27)
    with CaptureQueriesContext(connection) as many:
        assert len(rows(support.get(address))) == 30
    assert len(many) == len(few)
    assert len(many) < 15


def test_heading_of_the_sessions_is_true_of_those_that_are_closed_too(support: Client, world: dict[str, str]) -> None:
    for page in ("/admin/", f"{SESSIONS}{world['closed']}/change/", PLANS):
        assert "Live sessions" not in text(support.get(page))


def test_button_to_reset_a_password_is_for_who_may(support: Client, superuser: Client, paid: Api) -> None:
    page = f"/admin/auth/user/{paid.user.pk}/change/"
    assert "../password/" not in support.get(page).content.decode()
    assert "../password/" in superuser.get(page).content.decode()
    assert support.get(page.replace("change", "password")).status_code == 403
    assert superuser.get(page.replace("change", "password")).status_code == 200
    assert superuser.get("/admin/auth/user/add/").status_code == 200
