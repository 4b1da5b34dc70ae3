"""What staff never see, and may not touch."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sessions_app.models import Session
from sessions_app.services.groups import SUPPORT_PERMISSIONS, ensure_support_group
from snapshots.models import Snapshot
from tests.integration.admin.steps import (
    PLANS,
    SCHEDULE,
    SESSIONS,
    SNAPSHOTS,
    TOPIC,
    act,
    canaries,
    rows,
    sealed_columns,
    staff_client,
)
from tests.integration.conftest import Api


@pytest.mark.parametrize("who", ["support", "superuser"])
def test_pages_show_no_content(who: str, pages: list[str], request: pytest.FixtureRequest) -> None:
    client: Client = request.getfixturevalue(who)
    secrets = canaries()
    for page in pages:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            response = client.get(page)
        assert response.status_code == 200, page
        content = response.content.decode()
        assert [secret for secret in secrets if secret in content] == [], page
        if "q=" not in page:
            assert TOPIC not in content, page
        assert sealed_columns(queries) == [], page


def test_search_by_topic_finds_nothing(support: Client, world: dict[str, str]) -> None:
    assert rows(support.get(f"{SESSIONS}?q={TOPIC}")) == []


@pytest.mark.parametrize(
    "lookup", ["topic__startswith=c", "settings__note=x", "token_mac__isnull=False", "owner__password__startswith=p"]
)
def test_hidden_fields_cannot_be_probed_by_the_address(support: Client, world: dict[str, str], lookup: str) -> None:
    for address in (SESSIONS, SNAPSHOTS):
        assert support.get(f"{address}?{lookup}").status_code == 400


@pytest.mark.parametrize("who", ["support", "superuser"])
def test_metadata_cannot_be_added_changed_or_deleted(
    who: str, world: dict[str, str], request: pytest.FixtureRequest
) -> None:
    client: Client = request.getfixturevalue(who)
    before = (list(Session.objects.values()), list(Snapshot.objects.values()))
    for address, pk in ((SESSIONS, world["live"]), (SESSIONS, world["closed"]), (SNAPSHOTS, world["snapshot"])):
        assert client.get(f"{address}add/").status_code == 403
        assert client.post(f"{address}add/", {"policy": "pinned"}).status_code == 403
        assert client.post(f"{address}{pk}/change/", {"policy": "private"}).status_code == 403
        assert client.post(f"{address}{pk}/delete/", {"post": "yes"}).status_code == 403
        act(client, address, "delete_selected", pk, post="yes")
    assert (list(Session.objects.values()), list(Snapshot.objects.values())) == before


@pytest.mark.parametrize("page", [SESSIONS, SNAPSHOTS, PLANS, SCHEDULE, "/admin/"])
def test_pages_send_an_ordinary_user_to_the_login(paid: Api, page: str) -> None:
    response = staff_client(paid.user).get(page)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


def test_keys_journal_tokens_and_preferences_have_no_page(superuser: Client) -> None:
    for model in ("snapshots/userkey", "snapshots/sessionkey", "snapshots/keycanary", "knox/authtoken"):
        assert superuser.get(f"/admin/{model}/").status_code == 404
    for model in ("journalbatch", "preferences", "resumedsnapshot"):
        assert superuser.get(f"/admin/sessions_app/{model}/").status_code == 404


def test_support_group_has_these_permissions_and_no_others(support_user: User) -> None:
    expected = {f"{app}.{name}" for (app, _), names in SUPPORT_PERMISSIONS.items() for name in names}
    assert support_user.get_all_permissions() == expected


def test_migrating_makes_the_support_group(db: None) -> None:
    Group.objects.all().delete()
    call_command("migrate", verbosity=0)
    granted = Group.objects.get().permissions.values_list("codename", flat=True)
    assert sorted(granted) == sorted(name for names in SUPPORT_PERMISSIONS.values() for name in names)


def test_support_group_stays_as_operators_left_it(support_user: User) -> None:
    group = ensure_support_group()
    group.permissions.add(Permission.objects.get(codename="delete_user"))
    group.permissions.remove(Permission.objects.get(codename="purge_snapshot"))
    left = support_user.get_all_permissions()
    call_command("migrate", verbosity=0)
    assert ensure_support_group() == group
    assert User.objects.get(pk=support_user.pk).get_all_permissions() == left
    assert group.user_set.get() == support_user
