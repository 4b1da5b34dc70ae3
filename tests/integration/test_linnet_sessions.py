"""Linnet's own front end: starting, looking whether it is still there, ending."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from sessions_app.errors import InvalidSession
from sessions_app.models import Session
from sessions_app.services.linnet import live_session
from sessions_app.services.sweep import sweep
from snapshots.models import SessionKey, Snapshot
from tests.integration.conftest import TONES, Api, make_overdue, nothing_written, problem
from tests.integration.linnet import append, detail, start

SECRETS = {"license_key": "CFG-LNNT-känarie-0001", "byok_deepl_key": "känarie-0002:fx"}


def test_start_answers_what_the_front_end_relies_on(paid: Api) -> None:
    answer = paid.post("/session/start", {"elcor": True, "window_ms": 1000, "transcribe_lang": "", "num_speakers": 0})
    assert answer.status_code == 200
    document = answer.json()
    assert document == {"session_id": document["session_id"], "state": "running", "elcor": True, "tier": "paid"}
    session = Session.objects.get(pk=document["session_id"])
    assert (session.policy, session.leaseless) == ("pinned", True)
    assert session.settings == {"elcor": True, "window_ms": 1000, "num_speakers": 0}


def test_start_of_a_free_user_is_ephemeral(free: Api) -> None:
    session = start(free)
    assert Session.objects.get(pk=session).policy == "ephemeral"


@pytest.mark.parametrize("body", [None, {}, {"elcor": None, "license_key": None, "transcribe_lang": ""}])
def test_start_with_nothing_said(body: Any, paid: Api) -> None:
    answer = paid.post("/session/start", body)
    assert (answer.status_code, answer.json()["elcor"]) == (200, False)
    assert Session.objects.get().settings == {}


@pytest.mark.parametrize("content_type", ["", "text/plain;charset=UTF-8", "application/json; charset=utf-8"])
def test_start_without_a_body_is_of_any_kind(content_type: str, paid: Api) -> None:
    assert paid.post("/session/start", None, content_type=content_type).status_code == 200


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"window_ms": 1234}, {"window_ms": 1200}),
        ({"window_ms": 199}, {"window_ms": 100}),
        ({"window_ms": 0}, {"window_ms": 100}),
        ({"window_ms": -5}, {"window_ms": 100}),
        ({"window_ms": 1000.0}, {"window_ms": 1000}),
        ({"window_ms": 10**12}, {"window_ms": 60_000}),
        ({"num_speakers": 9}, {"num_speakers": 8}),
        ({"num_speakers": -1}, {"num_speakers": 0}),
        ({"num_speakers": 3}, {"num_speakers": 3}),
        (
            {"transcribe_lang": "pt-BR", "target_lang": "zh_Hans"},
            {"transcribe_lang": "pt-BR", "target_lang": "zh_Hans"},
        ),
        ({"theme": "dark", "nested": {"a": [1]}}, {}),
    ],
)
def test_start_brings_settings_into_range(sent: dict[str, Any], kept: dict[str, Any], paid: Api) -> None:
    assert paid.post("/session/start", sent).status_code == 200
    assert Session.objects.get().settings == kept


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("elcor", "yes"),
        ("elcor", 1),
        ("window_ms", "fast"),
        ("window_ms", True),
        ("window_ms", 1000.5),
        ("num_speakers", [2]),
        ("transcribe_lang", 7),
        ("transcribe_lang", "what was said: no place for it"),
        ("target_lang", "e\nn"),
        ("license_key", 5),
        ("license_key", {"key": "x"}),
        ("byok_deepl_key", ["x"]),
        ("byok_deepl_key", "x" * 5000),
    ],
)
def test_start_refuses_wrong_types_and_repeats_nothing(name: str, value: Any, paid: Api) -> None:
    with nothing_written():
        answer = paid.post("/session/start", {name: value})
    document = problem(answer, 422, "E-REQUEST-004", name)
    assert isinstance(document["detail"], str)
    assert str(value) not in answer.content.decode() or value in (1, 5, 7)


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b'{"elcor": NaN}', b"\xff"])
def test_start_refuses_what_is_no_object(body: bytes, paid: Api) -> None:
    answer = paid.post("/session/start", body)
    assert answer.status_code in {400, 422}
    assert isinstance(answer.json()["detail"], str)


def test_start_refuses_audio(paid: Api) -> None:
    with nothing_written():
        problem(paid.post("/session/start", {"audio_b64": "AAAA"}), 422, "E-PRIVACY-001")


def test_secrets_are_neither_stored_nor_logged_nor_repeated(paid: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    answers = [
        paid.post("/session/start", SECRETS),
        paid.post("/session/start", {**SECRETS, "elcor": "wrong"}),
        paid.post("/session/resume", {**SECRETS, "snapshot_id": str(uuid.uuid4())}),
    ]
    kept = str([list(model.objects.values_list()) for model in (Session, Snapshot)])
    seen = kept + caplog.text + "".join(answer.content.decode() for answer in answers)
    assert [secret for secret in SECRETS.values() if secret in seen] == []


def test_session_is_there_until_it_is_over(paid: Api) -> None:
    session = start(paid, elcor=True)
    answer = paid.get(f"/session/{session}")
    assert answer.status_code == 200
    assert answer.json() == {"session_id": session, "state": "running", "elcor": True, "tier": "paid"}

    ended = paid.delete(f"/session/{session}/end")
    assert (ended.status_code, ended.json()) == (200, {"session_id": session, "state": "stopped"})
    problem(paid.get(f"/session/{session}"), 404, "E-SESSION-002")
    problem(paid.delete(f"/session/{session}/end"), 404, "E-SESSION-002")
    assert detail(paid, session)["close_reason"] == "ended"


def test_session_past_its_deadline_is_over(paid: Api) -> None:
    seen, ended, shown = start(paid), start(paid), start(paid)
    for session in (seen, ended, shown):
        make_overdue(session)
    problem(paid.get(f"/session/{seen}"), 404, "E-SESSION-002")
    problem(paid.delete(f"/session/{ended}/end"), 404, "E-SESSION-002")
    problem(paid.get(f"/session/{shown}/history"), 404, "E-SESSION-002")
    for session in (seen, ended, shown):
        assert Session.objects.get(pk=session).close_reason == "idle"
    assert Snapshot.objects.count() == 3


def test_session_is_there_without_key_and_cache(paid: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    session = start(paid)
    append(paid, session, TONES)
    SessionKey.objects.all().delete()
    settings.API_WRITES_PER_MINUTE = 1
    monkeypatch.setattr("sessions_app.services.limits.cache.add", _away)
    monkeypatch.setattr("sessions_app.api.access.resolve_plan", _away)
    assert paid.get(f"/session/{session}").status_code == 200


def test_session_is_there_for_a_machine_whose_clock_is_ahead(paid: Api, other: Api) -> None:
    session, ended = start(paid), start(paid)
    paid.delete(f"/session/{ended}/end")
    ahead = timezone.now() + timedelta(hours=1)
    with nothing_written():
        assert str(live_session(owner_id=paid.user.pk, session_id=session, now=ahead).pk) == session
        for owner, name in ((other, session), (paid, ended)):
            with pytest.raises(InvalidSession):
                live_session(owner_id=owner.user.pk, session_id=name, now=ahead)


def _away(*_args: Any, **_kwargs: Any) -> None:
    raise ConnectionError


def test_end_that_cannot_be_saved_now_is_an_end_all_the_same(paid: Api) -> None:
    session = start(paid)
    append(paid, session, TONES)
    (key,) = SessionKey.objects.all()
    SessionKey.objects.all().delete()

    ended = paid.delete(f"/session/{session}/end")
    assert (ended.status_code, ended.json()["state"]) == (200, "stopped")
    problem(paid.get(f"/session/{session}"), 404, "E-SESSION-002")
    problem(paid.delete(f"/session/{session}/end"), 404, "E-SESSION-002")
    row = Session.objects.get(pk=session)
    assert (row.state, row.close_error, row.close_attempts) == ("active", "KeyMissing", 1)

    # The key is back: the sweep saves it, as what it was.
    key.save(force_insert=True)
    Session.objects.filter(pk=session).update(sweep_after=row.started_at)
    assert sweep(now=timezone.now()).closed == 1
    row.refresh_from_db()
    assert (row.state, row.close_reason) == ("closed", "ended")
    assert Snapshot.objects.get(session_id=session).event_count == len(TONES)


def test_end_keeps_what_the_policy_keeps(paid: Api, free: Api) -> None:
    kept, gone = start(paid), start(free)
    append(paid, kept, TONES)
    for api, session in ((paid, kept), (free, gone)):
        assert api.delete(f"/session/{session}/end").status_code == 200
    assert list(Snapshot.objects.values_list("session_id", flat=True)) == [uuid.UUID(kept)]


def test_reading_is_no_activity(paid: Api) -> None:
    session = start(paid)
    with nothing_written():
        for path in ("", "/history", "/export"):
            assert paid.get(f"/session/{session}{path}").status_code == 200
