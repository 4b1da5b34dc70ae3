"""The sentences about a session: every case has one, and none says more than is known."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sessions_app import wording
from sessions_app.lease import CloseReason, Policy

MOMENT = datetime(2026, 5, 1, 12, 30, 59, tzinfo=UTC)


@pytest.mark.parametrize("reason", CloseReason)
def test_every_reason_is_one_calm_sentence(reason: CloseReason) -> None:
    sentence = wording.ended_in_words(reason.value)
    assert sentence.endswith(".")
    assert sentence[0].isupper()
    assert "!" not in sentence
    assert reason.value not in sentence or "_" not in reason.value  # no internal names


def test_every_reason_reads_differently() -> None:
    assert len({wording.ended_in_words(reason) for reason in CloseReason}) == len(CloseReason)


def test_unknown_reason_is_a_fault_and_not_an_empty_sentence() -> None:
    with pytest.raises(ValueError, match="bored"):
        wording.ended_in_words("bored")


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(0), "0 seconds"),
        (timedelta(milliseconds=900), "0 seconds"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=90), "1 minute 30 seconds"),
        (timedelta(minutes=30), "30 minutes"),
        (timedelta(hours=1, minutes=5), "1 hour 5 minutes"),
        (timedelta(hours=12), "12 hours"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=30), "30 days"),
        (timedelta(days=2, hours=3, minutes=4, seconds=5), "2 days 3 hours"),
    ],
)
def test_length_in_words(length: timedelta, words: str) -> None:
    assert wording.length_in_words(length) == words


def test_moment_is_told_in_utc_to_the_minute() -> None:
    assert wording.moment_in_words(MOMENT) == "2026-05-01 12:30 UTC"


@pytest.mark.parametrize("policy", [Policy.EPHEMERAL, Policy.PRIVATE])
def test_what_is_not_kept_is_said_to_be_destroyed(policy: Policy) -> None:
    told = wording.kept_because(policy, CloseReason.ENDED, has_snapshot=False, expires_at=None)
    assert told == f"Nothing is kept: this session was {policy.value}, so its events and their key were destroyed."


@pytest.mark.parametrize(
    ("reason", "who"),
    [
        (CloseReason.ENDED, "You ended it"),
        (CloseReason.IDLE, "It closed by itself"),
        (CloseReason.MAX_LIFETIME, "It closed by itself"),
    ],
)
def test_what_is_kept_says_why_and_until_when(reason: CloseReason, who: str) -> None:
    told = wording.kept_because(Policy.PINNED, reason, has_snapshot=True, expires_at=MOMENT)
    assert told == f"It is kept because this session was pinned. {who}. It will be deleted on 2026-05-01 12:30 UTC."


def test_what_the_user_keeps_has_no_date() -> None:
    told = wording.kept_because(Policy.PINNED, CloseReason.ENDED, has_snapshot=True, expires_at=None)
    assert told == "You chose to keep it. It stays until you delete it or set an end again."


@pytest.mark.parametrize("removed", ["expired", "user", "staff", ""])
def test_what_is_gone_says_who_removed_it(removed: str) -> None:
    told = wording.kept_because(Policy.PINNED, CloseReason.ENDED, has_snapshot=False, expires_at=None, removed=removed)
    assert told.startswith("Nothing is kept any more: ")
    assert ("you deleted it" in told) is (removed == "user")
    assert ("support staff" in told) is (removed == "staff")


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy.EPHEMERAL, "closes 30 minutes after the last client left."),
        (Policy.PINNED, "closes 30 minutes after the last activity."),
        (Policy.PRIVATE, "closes 30 minutes after the last activity."),
    ],
)
def test_idle_clock_says_what_it_counts_from(policy: Policy, words: str) -> None:
    told = wording.idle_clock_reason(policy, timedelta(minutes=30))
    assert told == f"A session with the {policy.value} policy {words}"


def test_hard_clock_says_how_long() -> None:
    assert wording.hard_clock_reason(timedelta(hours=12)) == "No session lasts longer than 12 hours."


def test_moment_is_told_in_utc_whatever_its_zone() -> None:
    there = timezone(timedelta(hours=2))
    assert wording.moment_in_words(datetime(2026, 3, 1, 1, 30, tzinfo=there)) == "2026-02-28 23:30 UTC"


def test_kept_because_of_a_session_that_staff_closed() -> None:
    told = wording.kept_because("pinned", "staff", has_snapshot=True, expires_at=datetime(2026, 3, 1, tzinfo=UTC))
    assert "Support staff closed it" in told
