"""The rules of a lease, without a database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.lease import TOKEN_PREFIX, Clocks, CloseReason, Policy, expiry_reason, new_token
from sessions_app.tiers import Tier

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
IDLE = timedelta(minutes=30)
LIFETIME = timedelta(hours=12)

moments = st.timedeltas(min_value=timedelta(0), max_value=LIFETIME).map(lambda passed: NOON + passed)


def clocks(last_activity_at: datetime = NOON) -> Clocks:
    return Clocks(last_activity_at, IDLE, NOON + LIFETIME)


@pytest.mark.parametrize(
    ("policy", "keeps", "needs"),
    [
        (Policy.EPHEMERAL, False, Tier.FREE),
        (Policy.PINNED, True, Tier.PAID),
        (Policy.PRIVATE, False, Tier.FREE),
    ],
)
def test_policy_says_what_it_keeps_and_who_may_have_it(policy: Policy, *, keeps: bool, needs: Tier) -> None:
    assert policy.keeps_snapshot is keeps
    assert policy.needs is needs


@pytest.mark.parametrize(
    ("tier", "policy"),
    [
        (Tier.FREE, Policy.EPHEMERAL),
        (Tier.PAID, Policy.PINNED),
        (Tier.PREMIUM, Policy.PINNED),
        (Tier.ULTRA, Policy.PINNED),
    ],
)
def test_default_policy_follows_the_tier(tier: Tier, policy: Policy) -> None:
    assert Policy.default_for(tier) is policy


def test_deadline_is_idle_after_the_last_activity() -> None:
    assert clocks().expires_at == NOON + IDLE


def test_deadline_is_never_later_than_the_hard_one() -> None:
    assert clocks(NOON + LIFETIME - timedelta(minutes=1)).expires_at == NOON + LIFETIME


def test_activity_moves_the_deadline_to_idle_after_when_it_occurred() -> None:
    assert clocks().after_activity(NOON + timedelta(minutes=7)).expires_at == NOON + timedelta(minutes=37)


def test_late_news_of_earlier_activity_moves_nothing() -> None:
    later = clocks(NOON + timedelta(minutes=10))
    assert later.after_activity(NOON + timedelta(minutes=3)) == later


@given(st.lists(moments, max_size=8))
def test_deadline_only_rises_and_stays_within_both_clocks(activities: list[datetime]) -> None:
    state = clocks()
    for occurred_at in activities:
        moved = state.after_activity(occurred_at)
        assert moved.expires_at >= state.expires_at
        assert moved.last_activity_at >= occurred_at
        assert moved.last_activity_at <= moved.expires_at <= moved.hard_expires_at
        state = moved


@given(st.lists(moments, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_deadline_does_not_depend_on_the_order_of_the_news(activities: list[datetime], random: object) -> None:
    shuffled = list(activities)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = clocks(), clocks()
    for occurred_at in activities:
        one = one.after_activity(occurred_at)
    for occurred_at in shuffled:
        other = other.after_activity(occurred_at)
    assert one == other


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (Policy.EPHEMERAL, CloseReason.DETACHED),
        (Policy.PINNED, CloseReason.IDLE),
        (Policy.PRIVATE, CloseReason.IDLE),
    ],
)
def test_reason_is_the_clock_that_ran_out_first(policy: Policy, reason: CloseReason) -> None:
    hard = NOON + LIFETIME
    just_before = hard - timedelta(microseconds=1)
    assert expiry_reason(policy, expires_at=just_before, hard_expires_at=hard) is reason
    assert expiry_reason(policy, expires_at=hard, hard_expires_at=hard) is CloseReason.MAX_LIFETIME


def test_tokens_are_long_prefixed_url_safe_and_new_each_time() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    for token in tokens:
        assert token.startswith(TOKEN_PREFIX)
        secret = token.removeprefix(TOKEN_PREFIX)
        assert len(secret) == 43  # 32 bytes in base64 without padding
        assert secret.replace("-", "").replace("_", "").isalnum()
        assert secret.isascii()
