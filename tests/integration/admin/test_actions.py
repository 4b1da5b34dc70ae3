"""What staff may do, and how it is asked, done and logged."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from knox.models import AuthToken

from sessions_app.models import Entitlement, Session
from snapshots.models import SessionKey, Snapshot
from tests.integration.admin.steps import (
    EVENTS,
    LABEL,
    PLANS,
    SCHEDULE,
    SESSIONS,
    SNAPSHOTS,
    TOPIC,
    act,
    live,
    sealed_columns,
    text,
    told,
)
from tests.integration.conftest import Api


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
    question = act(support, SNAPSHOTS, "keep", kept, refused)
    assert text(question).count("It will be kept without an end. Until now: Kept until") == 2
    assert not Snapshot.objects.filter(expires_at=None).exists()
    done = act(support, SNAPSHOTS, "keep", kept, refused, confirmed="yes")
    assert "1 of 2 kept without an end." in told(done)
    assert any("this user's plan is free now" in message for message in told(done))
    assert Snapshot.objects.get(pk=kept).expires_at is None
    assert Snapshot.objects.get(pk=refused).expires_at is not None
    assert [(entry.object_id, entry.user) for entry in LogEntry.objects.all()] == [(kept, support_user)]
    assert "already" in told(act(support, SNAPSHOTS, "keep", kept, confirmed="yes"))[0]


def test_what_is_kept_can_be_let_go_again(support: Client, support_user: User, paid: Api) -> None:
    receipt = paid.closed(EVENTS)
    pk, page = receipt["snapshot"]["id"], f"{SNAPSHOTS}{receipt['snapshot']['id']}/change/"
    assert "Let go…</button>" not in support.get(page).content.decode()
    act(support, SNAPSHOTS, "keep", pk, confirmed="yes")
    assert "Let go…</button>" in support.get(page).content.decode()

    question = act(support, SNAPSHOTS, "let_go", pk, from_page="1")
    assert "It will be kept for the usual time from now" in text(question)
    assert Snapshot.objects.get(pk=pk).expires_at is None
    done = act(support, SNAPSHOTS, "let_go", pk, from_page="1", confirmed="yes")
    assert done.redirect_chain == [(page, 302)]
    end = Snapshot.objects.get(pk=pk).expires_at
    assert end is not None
    assert f"Let go. Kept until {end:%Y-%m-%d %H:%M} UTC." in told(done)[0]
    assert [entry.user for entry in LogEntry.objects.filter(object_id=pk)] == [support_user] * 2

    act(support, SNAPSHOTS, "let_go", pk, confirmed="yes")
    assert Snapshot.objects.get(pk=pk).expires_at == end


def test_keep_refuses_what_is_over(support: Client, world: dict[str, str]) -> None:
    past = timezone.now() - timedelta(minutes=1)
    Snapshot.objects.filter(pk=world["snapshot"]).update(created_at=past - timedelta(days=1), expires_at=past)
    assert "its time is over" in told(act(support, SNAPSHOTS, "keep", world["snapshot"], confirmed="yes"))[0]
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
        (SNAPSHOTS, world["snapshot"], ("keep", "let_go", "purge_now")),
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
