"""An annotator's bulk append: a result for each batch, and none spoils the others."""

import json
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from sessions_app.errors import ServiceUnavailable
from sessions_app.events import read_events
from sessions_app.models import JournalBatch, Session
from sessions_app.services import bulk
from sessions_app.services.journal import Appended
from sessions_app.services.tokens import issue_annotator_token
from snapshots.models import SessionKey
from tests.flows import leave
from tests.integration.conftest import CALLS_ON_LISTS, CALLS_ON_SESSION, TONES, Api, make_overdue, problem

TONE = {"event_type": "tone", "label": "Calm", "confidence": 0.5, "timestamp": 1}


class Annotator:
    """A client with an annotator's credential."""

    def __init__(self) -> None:
        self.token = issue_annotator_token(name="ears", now=timezone.now())
        self.client = Client()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Token {self.token}"}
        return self.client.generic(
            method, f"/api/v1/{path}", data=data, content_type="application/json", headers=headers
        )

    def append(self, *batches: Any) -> list[dict[str, Any]]:
        answer = self.call("POST", "journal/", {"batches": batches})
        assert answer.status_code == 200, answer.content
        results: list[dict[str, Any]] = answer.json()["results"]
        assert len(results) == len(batches)
        return results


@pytest.fixture
def annotator(db: None) -> Annotator:
    return Annotator()


def of(session: str, events: Any = None, **more: Any) -> dict[str, Any]:
    return {"session": session, "events": events or TONES, **more}


def test_batches_of_many_users_are_stored_as_sent(annotator: Annotator, paid: Api, other: Api, free: Api) -> None:
    users = (paid, other, free)
    sessions = [api.start()[0] for api in users]
    results = annotator.append(*(of(session) for session in sessions))
    for api, session, result in zip(users, sessions, results, strict=True):
        assert result["session"] == session
        assert (result["status"], result["first_seq"], result["last_seq"], result["accepted"]) == (201, 1, 3, 3)
        shown = api.get(f"sessions/{session}/events/").json()["events"]
        assert shown == [{"seq": seq, **event} for seq, event in enumerate(TONES, 1)]


def test_stored_batches_come_back_from_the_snapshot(annotator: Annotator, paid: Api) -> None:
    session, lease = paid.start()
    annotator.append(of(session), of(session, [TONE, {"event_type": "transcript", "text": "x", "timestamp": 1}]))
    paid.append(session, lease)
    receipt = paid.post(f"sessions/{session}/end/", lease=lease).json()
    assert (receipt["events"], receipt["withheld"]) == (7, {"transcript": 1})
    content = paid.get(f"snapshots/{receipt['snapshot']['id']}/content/").json()
    assert [{**event, "seq": None} for event in content["events"]] == [
        {"seq": None, **event} for event in (*TONES, TONE, *TONES)
    ]


def test_appending_extends_the_lease_and_leaves_the_sweeps_deadline(annotator: Annotator, paid: Api) -> None:
    session, _ = paid.start()
    before = Session.objects.get()
    [result] = annotator.append(of(session))
    after = Session.objects.get()
    assert after.expires_at > before.expires_at
    assert result["expires_at"] == after.expires_at.isoformat().replace("+00:00", "Z")
    assert after.sweep_after == before.sweep_after


def test_one_bad_batch_spoils_none_of_the_others(annotator: Annotator, paid: Api, other: Api) -> None:
    good, _ = paid.start()
    ended = other.closed()
    overdue, _ = paid.start()
    make_overdue(overdue)
    keyless, _ = other.start()
    SessionKey.objects.filter(session_id=keyless).delete()
    results = annotator.append(
        of("no-uuid"),
        of("3f0e7b6e-8f3c-4b38-9d6f-0e7a4d8f2a11"),
        of(ended["session"]),
        of(overdue),
        of(keyless),
        of(good, [{**TONE, "confidence": 7}]),
        of(good, [{**TONE, "audio": "UklGRg=="}]),
        of(good, occurred_at="1999-01-01T00:00:00Z"),
        of(good, occurred_at="yesterday"),
        of(good, speed="high"),
        {"session": good},
        "nothing",
        of(good),
    )
    assert [(result["status"], result.get("code")) for result in results] == [
        (404, "E-SESSION-002"),
        (404, "E-SESSION-002"),
        (410, "E-SESSION-001"),
        (410, "E-SESSION-001"),
        (503, "E-VAULT-001"),
        (422, "E-EVENT-001"),
        (422, "E-PRIVACY-001"),
        (422, "E-SESSION-007"),
        (422, "E-REQUEST-004"),
        (422, "E-REQUEST-004"),
        (422, "E-EVENT-001"),
        (422, "E-REQUEST-004"),
        (201, None),
    ]
    assert results[2]["snapshot"]["id"] == ended["snapshot"]["id"]
    assert results[5]["field"] == "events[0].confidence"
    assert results[8]["field"] == "batches[8].occurred_at"
    assert Session.objects.get(pk=overdue).close_reason == "idle"
    assert JournalBatch.objects.get().session_id == Session.objects.get(pk=good).pk


@pytest.mark.parametrize("bad", [b"NaN", b"1e400", b'"\\u0000"', b'"\\ud800"', b"9" * 400])
def test_what_no_record_can_hold_is_its_own_batchs_affair(annotator: Annotator, paid: Api, bad: bytes) -> None:
    session, _ = paid.start()
    batches = json.dumps({"batches": [of(session, [{**TONE, "label": "@"}]), of(session)]}).encode()
    answer = annotator.call("POST", "journal/", batches.replace(b'"@"', bad))
    first, second = answer.json()["results"]
    assert (first["code"], first["field"]) == ("E-EVENT-001", "events[0].label")
    assert (second["status"], second["first_seq"]) == (201, 1)


def test_retry_gets_the_same_answer(annotator: Annotator, paid: Api) -> None:
    session, _ = paid.start()
    [first] = annotator.append(of(session, idempotency_key="1"))
    annotator.append(of(session, idempotency_key="2"))
    again, other_body, twice, twice_again = annotator.append(
        of(session, idempotency_key="1"),
        of(session, [TONE], idempotency_key="1"),
        of(session, [TONE], idempotency_key="3"),
        of(session, [TONE], idempotency_key="3"),
    )
    assert again == first
    assert (other_body["status"], other_body["code"]) == (422, "E-REQUEST-005")
    assert twice == twice_again
    assert twice["first_seq"] == 7
    assert Session.objects.get().last_seq == 7


def test_lease_that_runs_out_between_look_and_write_is_told_alone(
    annotator: Annotator, paid: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs_out, stays = paid.start()[0], paid.start()[0]
    leave(Session.objects.get(pk=runs_out), timedelta(seconds=0.5))
    add = bulk._Work.add

    def meanwhile(work: Any, batch: Any) -> Any:
        found = add(work, batch)
        if batch.session_id == runs_out:
            time.sleep(0.6)
        return found

    monkeypatch.setattr(bulk._Work, "add", meanwhile)
    over, stored = annotator.append(of(runs_out), of(stays))
    assert (over["status"], over["code"], stored["status"]) == (410, "E-SESSION-001", 201)
    session = Session.objects.get(pk=runs_out)
    assert (session.last_seq, session.close_reason, session.closed_at) == (0, "idle", session.expires_at)


def test_session_that_was_extended_after_the_look_takes_the_batch(
    annotator: Annotator, paid: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock within the tolerance ahead of the others it looked as if it were over."""
    session, lease = paid.start()
    leave(Session.objects.get(pk=session), timedelta(seconds=1))
    over = bulk._over

    def meanwhile(batch: Any, *, now: datetime) -> Any:
        assert paid.append(session, lease).status_code == 201
        return over(batch, now=now)

    monkeypatch.setattr(bulk, "_over", meanwhile)
    batch = bulk.BulkBatch(session, read_events(TONES, max_timestamp_s=100))
    (stored,) = bulk.append_many(batches=[batch], now=timezone.now() + timedelta(seconds=3))
    assert isinstance(stored, Appended)
    assert stored.first_seq == len(TONES) + 1
    assert Session.objects.get(pk=session).state == "active"


def test_wrong_clock_spoils_only_what_it_would_close(annotator: Annotator, paid: Api) -> None:
    ends_sooner, lives = paid.start(policy="pinned")[0], paid.start(policy="private")[0]
    batches = [bulk.BulkBatch(session, read_events(TONES, max_timestamp_s=100)) for session in (ends_sooner, lives)]
    refused, stored = bulk.append_many(batches=batches, now=timezone.now() + timedelta(minutes=40))
    assert isinstance(refused, ServiceUnavailable)
    assert isinstance(stored, Appended)
    assert Session.objects.get(pk=ends_sooner).state == "active"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "batches"),
        ({"batches": []}, "batches"),
        ({"batches": {}}, "batches"),
        ({"batches": [{}] * 201}, "batches"),
        ({"batches": [{"events": [TONE] * 500}] * 11}, "batches"),
        ({"batches": [{}], "speed": 1}, "batches"),
    ],
)
def test_body_that_is_no_bulk_append_is_refused(annotator: Annotator, body: Any, field: str) -> None:
    problem(annotator.call("POST", "journal/", body), 422, "E-REQUEST-004", field)


def test_body_may_be_large_and_no_larger(annotator: Annotator, paid: Api) -> None:
    sessions = [paid.start()[0] for _ in range(5)]
    events = [{**TONE, "subtext": "x" * 450}] * 500
    results = annotator.append(*(of(session, events) for session in sessions))
    assert {result["accepted"] for result in results} == {500}
    problem(annotator.call("POST", "journal/", b" " * (8 * 1024 * 1024 + 1)), 413, "E-REQUEST-002")


def test_annotator_can_append_and_nothing_else(annotator: Annotator, paid: Api) -> None:
    session, _ = paid.start()
    for method, path, body in [*CALLS_ON_LISTS.values(), *CALLS_ON_SESSION.values()]:
        problem(annotator.call(method, path.format(session), body), 401, "E-AUTH-001")
    assert annotator.client.get("/admin/", headers={"Authorization": f"Token {annotator.token}"}).status_code == 302


def test_user_cannot_append_in_bulk(paid: Api) -> None:
    document = problem(paid.post("journal/", {"batches": []}), 403, "E-AUTH-004")
    assert "issue_annotator_token" in document["detail"]
    assert "cookie" not in document["detail"]


def test_revoked_token_is_no_token(annotator: Annotator, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("issue_annotator_token", "ears", "--revoke")
    assert capsys.readouterr().out == "The token of the annotator 'ears' is valid no more.\n"
    problem(annotator.call("POST", "journal/", {"batches": []}), 401, "E-AUTH-001")


def test_new_token_ends_the_old_one(annotator: Annotator, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("issue_annotator_token", "ears")
    fresh = capsys.readouterr().out.strip()
    assert fresh.startswith("lnj_")
    problem(annotator.call("POST", "journal/", {}), 401, "E-AUTH-001")
    annotator.token = fresh
    problem(annotator.call("POST", "journal/", {}), 422, "E-REQUEST-004", "batches")


@pytest.mark.parametrize("count", [1, 20])
def test_queries_do_not_grow_with_batches_but_for_the_rows_themselves(
    annotator: Annotator, settings: Any, count: int, django_assert_num_queries: Any, paid: Api
) -> None:
    settings.SESSION_MAX_LIVE = 50
    batches = [of(paid.start()[0], idempotency_key="k") for _ in range(count)]
    # The token; rows with keys, earlier batches; the rows' update (one sending), the journal; savepoint, release.
    with django_assert_num_queries(7):
        annotator.append(*batches)
