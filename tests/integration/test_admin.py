"""The support pages: what staff see (metadata in words), what they may do, and what they never see."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from knox.models import AuthToken

from sessions_app.models import Entitlement, JournalBatch, Session
from sessions_app.services import sweep as sweeping
from sessions_app.services.groups import SUPPORT_PERMISSIONS, ensure_support_group
from snapshots.models import SessionKey, Snapshot, UserKey
from tests.factories import EntitlementFactory, UserFactory
from tests.integration.conftest import Api, api_for

SESSIONS = "/admin/sessions_app/session/"
SNAPSHOTS = "/admin/snapshots/snapshot/"
PLANS = "/admin/sessions_app/entitlement/"
SCHEDULE = "/admin/django_celery_beat/periodictask/"

TOPIC = "canary-topic-4711"
LABEL = "CanaryTone"
SPEAKER = "Canary Speaker"
SETTING = "xx-CANARY"
EVENTS = [{"event_type": "tone", "label": LABEL, "confidence": 0.5, "speaker_id": "Speaker A", "timestamp": 1}]


def staff_client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


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


def live(api: Api, **body: Any) -> str:
    """A live session with content that no page may show."""
    session, lease = api.start(**{"topic": TOPIC, "target_lang": SETTING, **body})
    assert api.append(session, lease, EVENTS).status_code == 201
    labels = {"speakers": {"Speaker A": {"name": SPEAKER}}}
    assert api.patch(f"sessions/{session}/speakers/", labels, lease=lease).status_code == 200
    return session


def move_back(session: str, by: timedelta) -> None:
    """As if the session, with all its times, had been that long ago."""
    row = Session.objects.get(pk=session)
    for name in ("started_at", "last_activity_at", "expires_at", "hard_expires_at", "sweep_after"):
        setattr(row, name, getattr(row, name) - by)
    row.save()


def closed_by_sweep(api: Api, **body: Any) -> str:
    session = live(api, **body)
    move_back(session, timedelta(hours=1))
    sweeping.sweep(now=timezone.now())
    return session


def damaged(api: Api, *, tries: int) -> str:
    """An overdue session whose closing failed that often, because its journal is damaged."""
    session = live(api, topic="")
    move_back(session, timedelta(hours=1))
    JournalBatch.objects.filter(session=session).update(sealed=b"\0" * 64)
    now = timezone.now()
    for _ in range(tries):
        Session.objects.filter(pk=session).update(sweep_after=now)
        sweeping.sweep(now=now)
    return session


def text(response: Any) -> str:
    """What a page says, without its markup."""
    assert response.status_code == 200, response.status_code
    page = re.sub(r"<(style|script).*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return _plain(page)


def _plain(markup: str) -> str:
    return " ".join(unescape(re.sub(r"</?span[^>]*>", "", re.sub(r"<(?!/?span)[^>]*>", " ", markup))).split())


def rows(response: Any) -> list[str]:
    """The ids of the rows that a list shows."""
    assert response.status_code == 200, response.status_code
    return [str(row.pk) for row in response.context["cl"].result_list]


def act(client: Client, address: str, action: str, *pks: str, **more: str) -> Any:
    return client.post(address, {"action": action, "_selected_action": list(pks), **more}, follow=True)


def told(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


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


def canaries() -> list[str]:
    """What must be on no page: content, what a call was about, and bytes of keys."""
    found = [LABEL, SPEAKER, SETTING]
    blobs = [*UserKey.objects.values_list("wrapped", flat=True), *SessionKey.objects.values_list("wrapped", flat=True)]
    blobs += Snapshot.objects.values_list("annotations", flat=True)
    blobs += Session.objects.filter(token_mac__isnull=False).values_list("token_mac", flat=True)
    found += [bytes(blob).hex()[:32] for blob in blobs] + [repr(bytes(blob))[2:20] for blob in blobs]
    return found + list(User.objects.exclude(password="").values_list("password", flat=True))


def sealed_columns(queries: CaptureQueriesContext) -> list[str]:
    """The queries that read a blob, the lease or the topic out of the database."""
    names = re.compile(r'"(labels|annotations|sealed|wrapped|token_mac|topic|settings)"')
    return [query["sql"] for query in queries if names.search(query["sql"])]


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
    extra = Permission.objects.get(codename="delete_user")
    group = ensure_support_group()
    group.permissions.add(extra)
    assert ensure_support_group() == group
    expected = {f"{app}.{name}" for (app, _), names in SUPPORT_PERMISSIONS.items() for name in names}
    assert User.objects.get(pk=support_user.pk).get_all_permissions() == expected
    assert group.user_set.get() == support_user


# --- what the pages say ---------------------------------------------------------------------------------


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
    assert "Keep without an end</button>" not in support.get(f"{SNAPSHOTS}{world['snapshot']}/change/").content.decode()


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


# --- search and filters ---------------------------------------------------------------------------------


def _spaced(pk: str) -> str:
    return " " + pk.replace("-", " ").upper() + " "


@pytest.mark.parametrize(
    "shape",
    [str, _spaced, lambda pk: pk[:8], lambda pk: pk[:13], lambda pk: pk.replace("-", ""), lambda pk: f"{{{pk}}}"],
)
def test_search_by_id_finds_the_session(support: Client, world: dict[str, str], shape: Callable[[str], str]) -> None:
    assert rows(support.get(SESSIONS, {"q": shape(world["closed"])})) == [world["closed"]]
    assert rows(support.get(SESSIONS, {"q": shape(world["snapshot"])})) == [world["closed"]]
    assert rows(support.get(SNAPSHOTS, {"q": shape(world["snapshot"])})) == [world["snapshot"]]
    assert rows(support.get(SNAPSHOTS, {"q": shape(world["closed"])})) == [world["snapshot"]]


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


@pytest.mark.parametrize("chosen", FILTERS)
def test_session_filter_narrows_the_list(support: Client, world: dict[str, str], chosen: str) -> None:
    assert set(rows(support.get(f"{SESSIONS}?{chosen}"))) == {world[name] for name in FILTERS[chosen]}


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


# --- what staff may do ----------------------------------------------------------------------------------


def test_end_now_asks_then_saves_the_snapshot(support: Client, support_user: User, paid: Api) -> None:
    session = live(paid)
    with CaptureQueriesContext(connection) as queries:
        question = act(support, SESSIONS, "end_now", session)
    assert "1 event will be saved" in text(question)
    assert sealed_columns(queries) == []
    assert TOPIC not in question.content.decode()
    assert Session.objects.get(pk=session).state == "active"

    done = act(support, SESSIONS, "end_now", session, confirmed="yes")
    assert told(done) == [f"Session {session[:8]}… of {paid.user}: Ended, 1 event saved."]
    row = Session.objects.get(pk=session)
    assert (row.state, row.close_reason) == ("closed", "staff")
    assert Snapshot.objects.get(session_id=session).event_count == 1
    entry = LogEntry.objects.get(object_id=session)
    assert (entry.user, entry.get_change_message()) == (support_user, "Ended, 1 event saved.")
    assert "support staff ended it" in text(support.get(f"{SESSIONS}{session}/change/"))


def test_end_now_warns_that_a_private_session_is_destroyed(support: Client, paid: Api) -> None:
    session = live(paid, policy="private")
    assert "1 event will be destroyed, for good" in text(act(support, SESSIONS, "end_now", session))
    done = act(support, SESSIONS, "end_now", session, confirmed="yes")
    assert "1 event destroyed" in told(done)[0]
    assert not Snapshot.objects.exists()


def test_end_now_tells_the_outcome_of_each(support: Client, world: dict[str, str]) -> None:
    chosen = [world["live"], world["closed"], world["quarantined"]]
    done = act(support, SESSIONS, "end_now", *chosen, confirmed="yes")
    messages = " ".join(told(done))
    assert "1 of 3 ended." in messages
    assert "not done, and nothing is changed. The session is closed already." in messages
    assert "A stored record does not open" in messages
    assert [entry.object_id for entry in LogEntry.objects.all()] == [world["live"]]
    assert Session.objects.get(pk=world["quarantined"]).quarantined_at is not None


def test_end_now_goes_on_after_an_unforeseen_fault(
    support: Client, paid: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    session = live(paid)

    def fail(**_: Any) -> None:
        raise ValueError(LABEL)

    monkeypatch.setattr("sessions_app.services.staff.end_as_staff", fail)
    done = act(support, SESSIONS, "end_now", session, confirmed="yes")
    assert "A fault that nobody foresaw (ValueError)" in told(done)[0]
    assert LABEL not in done.content.decode() + caplog.text
    assert not LogEntry.objects.exists()


def test_end_now_from_the_session_page_comes_back_to_it(support: Client, paid: Api) -> None:
    session = live(paid)
    page = f"{SESSIONS}{session}/change/"
    assert "End now…</button>" in support.get(page).content.decode()
    question = act(support, SESSIONS, "end_now", session, from_page="1")
    assert f'href="{page}" class="button cancel-link"' in question.content.decode()
    done = act(support, SESSIONS, "end_now", session, from_page="1", confirmed="yes")
    assert done.redirect_chain == [(page, 302)]
    assert "End now…</button>" not in done.content.decode()


def test_release_lets_the_sweep_try_again(support: Client, support_user: User, world: dict[str, str]) -> None:
    pk = world["quarantined"]
    assert "Release from quarantine</button>" in support.get(f"{SESSIONS}{pk}/change/").content.decode()
    done = act(support, SESSIONS, "release", pk, world["live"])
    assert "1 of 2 released." in told(done)
    assert any("The session is not in quarantine." in message for message in told(done))
    row = Session.objects.get(pk=pk)
    assert (row.quarantined_at, row.close_attempts) == (None, 0)
    assert "released, next try is due now" in text(support.get(SESSIONS))
    assert LogEntry.objects.get(object_id=pk).user == support_user


def test_keep_needs_the_plan_of_its_user(support: Client, support_user: User, paid: Api, other: Api) -> None:
    kept, refused = (api.closed(EVENTS)["snapshot"]["id"] for api in (paid, other))
    Entitlement.objects.filter(user=other.user).delete()
    done = act(support, SNAPSHOTS, "keep", kept, refused)
    assert "1 of 2 kept without an end." in told(done)
    assert any("this user's plan is free now" in message for message in told(done))
    assert Snapshot.objects.get(pk=kept).expires_at is None
    assert Snapshot.objects.get(pk=refused).expires_at is not None
    assert [(entry.object_id, entry.user) for entry in LogEntry.objects.all()] == [(kept, support_user)]
    assert "already" in told(act(support, SNAPSHOTS, "keep", kept))[0]


def test_keep_refuses_what_is_over(support: Client, world: dict[str, str]) -> None:
    past = timezone.now() - timedelta(minutes=1)
    Snapshot.objects.filter(pk=world["snapshot"]).update(created_at=past - timedelta(days=1), expires_at=past)
    assert "its time is over" in told(act(support, SNAPSHOTS, "keep", world["snapshot"]))[0]
    assert Snapshot.objects.get(pk=world["snapshot"]).expires_at == past


def test_purge_now_asks_then_destroys(support: Client, support_user: User, paid: Api) -> None:
    receipt = paid.closed(EVENTS)
    snapshot, session = receipt["snapshot"]["id"], receipt["session"]
    question = act(support, SNAPSHOTS, "purge_now", snapshot, from_page="1")
    assert "1 event will be destroyed" in text(question)
    assert Snapshot.objects.filter(pk=snapshot).exists()

    done = act(support, SNAPSHOTS, "purge_now", snapshot, from_page="1", confirmed="yes")
    assert done.redirect_chain == [(SNAPSHOTS, 302)]
    assert "Purged, 1 event destroyed." in told(done)[0]
    assert not Snapshot.objects.exists()
    assert not SessionKey.objects.filter(session_id=session).exists()
    entry = LogEntry.objects.get(object_id=snapshot)
    assert (entry.user, entry.is_deletion()) == (support_user, True)
    assert f"Snapshot {snapshot} purged." in text(support.get(f"{SESSIONS}{session}/history/"))
    assert "Deleted by support staff on" in text(support.get(f"{SESSIONS}{session}/change/"))


def test_actions_are_hidden_and_refused_without_permission(onlooker: Client, world: dict[str, str]) -> None:
    for address, pk, actions in (
        (SESSIONS, world["quarantined"], ("end_now", "release")),
        (SNAPSHOTS, world["snapshot"], ("keep", "purge_now")),
    ):
        for page in (address, f"{address}{pk}/change/"):
            content = onlooker.get(page).content.decode()
            assert [action for action in actions if f'value="{action}"' in content] == []
        before = list(Session.objects.values()), list(Snapshot.objects.values())
        for action in actions:
            act(onlooker, address, action, pk, confirmed="yes")
        assert (list(Session.objects.values()), list(Snapshot.objects.values())) == before
    assert not LogEntry.objects.exists()


def test_actions_refuse_more_than_a_page(
    support: Client, world: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions_app.admin.base.MOST_AT_ONCE", 2)
    done = act(support, SESSIONS, "end_now", world["live"], select_across="1", confirmed="yes")
    assert told(done) == ["Nothing was done: choose at most 2 at a time."]
    assert Session.objects.get(pk=world["live"]).state == "active"


def test_whoever_may_only_look_cannot_stop_the_sweep(support: Client, superuser: Client, onlooker: Client) -> None:
    every = IntervalSchedule.objects.create(every=30, period="seconds")
    task = PeriodicTask.objects.create(name="sweep", task="sessions_app.tasks.sweep", interval=every)
    for client in (support, onlooker):
        assert 'value="disable_tasks"' not in client.get(SCHEDULE).content.decode()
        act(client, SCHEDULE, "disable_tasks", str(task.pk))
        assert PeriodicTask.objects.get(pk=task.pk).enabled
    act(superuser, SCHEDULE, "disable_tasks", str(task.pk))
    assert not PeriodicTask.objects.get(pk=task.pk).enabled


# --- plans ----------------------------------------------------------------------------------------------


def test_plan_can_be_given_and_changed(support: Client, free: Api) -> None:
    form = {"user": free.user.pk, "tier": "paid", "valid_until_0": "", "valid_until_1": "", "tenant": ""}
    assert support.post(f"{PLANS}add/", form).status_code == 302
    entitlement = Entitlement.objects.get(user=free.user)
    assert free.post("sessions/", {}).json()["policy"] == "pinned"

    form |= {"tier": "ultra", "valid_until_0": "2020-01-01", "valid_until_1": "00:00:00"}
    assert support.post(f"{PLANS}{entitlement.pk}/change/", form).status_code == 302
    assert "free (its time is over)" in text(support.get(PLANS))
    assert support.post(f"{PLANS}{entitlement.pk}/delete/", {"post": "yes"}).status_code == 403
    assert LogEntry.objects.filter(object_id=entitlement.pk).count() == 2
    assert AuthToken.objects.filter(user=free.user).exists()
