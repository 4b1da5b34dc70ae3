"""Tiers are ordered; Paid+ is ``paid`` and above."""

import pytest

from sessions_app.errors import TierRequired
from sessions_app.services.tiers import require_tier
from sessions_app.tiers import PAID_PLUS, Tier


def test_tiers_are_listed_from_least_to_most() -> None:
    assert [tier.value for tier in Tier] == ["free", "paid", "premium", "ultra"]


@pytest.mark.parametrize("needed", Tier)
@pytest.mark.parametrize("had", Tier)
def test_tier_covers_itself_and_what_is_below(had: Tier, needed: Tier) -> None:
    ranks = {"free": 0, "paid": 1, "premium": 2, "ultra": 3}
    assert had.covers(needed) is (ranks[had.value] >= ranks[needed.value])


def test_paid_plus_is_every_tier_but_free() -> None:
    assert [tier for tier in Tier if tier.covers(PAID_PLUS)] == [Tier.PAID, Tier.PREMIUM, Tier.ULTRA]


def test_unknown_tier_is_refused() -> None:
    with pytest.raises(ValueError, match="platinum"):
        Tier("platinum")


def test_require_tier_lets_enough_pass() -> None:
    require_tier(Tier.PREMIUM, Tier.PAID, what="Keeping it")


def test_require_tier_names_what_it_would_give() -> None:
    with pytest.raises(TierRequired) as caught:
        require_tier(Tier.FREE, Tier.PAID, what="Bringing an old session back")
    assert caught.value.status == 402
    assert caught.value.extra == {"tier": "free", "required_tier": "paid"}
    assert caught.value.detail.startswith("Bringing an old session back comes with the paid plan")
    assert "list, export and delete" in caught.value.detail
