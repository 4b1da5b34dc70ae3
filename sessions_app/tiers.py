"""Tiers: ``free < paid < premium < ultra``. "Paid+" is ``paid`` and above."""

from __future__ import annotations

from enum import StrEnum


class Tier(StrEnum):
    """What a user's plan gives. Ordered: compare with :meth:`covers`."""

    FREE = "free"
    PAID = "paid"
    PREMIUM = "premium"
    ULTRA = "ultra"

    def covers(self, needed: Tier) -> bool:
        """Whether a user of this tier may use what ``needed`` gives."""
        order = list(Tier)
        return order.index(self) >= order.index(needed)


PAID_PLUS = Tier.PAID
