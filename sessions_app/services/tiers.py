"""Which tier a user has, from whatever knows it. ``TIER_RESOLVER`` names the class."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.utils.module_loading import import_string

from sessions_app.conf import conf
from sessions_app.errors import TierRequired
from sessions_app.models import Entitlement
from sessions_app.tiers import Tier


@dataclass(frozen=True, slots=True)
class Plan:
    """A user's tier, and the tenant within which topics are shared (empty: nobody's)."""

    tier: Tier
    tenant: str = ""


class TierResolver(Protocol):
    """Something that knows plans."""

    def resolve(self, *, user_id: int, now: datetime) -> Plan:
        """The user's plan at this moment."""


class LocalResolver:
    """Plans that staff edit in the admin. No row, or one that is past its date, means ``free``."""

    def resolve(self, *, user_id: int, now: datetime) -> Plan:
        entitlement = Entitlement.objects.filter(user_id=user_id).first()
        if entitlement is None:
            return Plan(Tier.FREE)
        return Plan(entitlement.tier_at(now), entitlement.tenant)


def resolve_plan(*, user_id: int, now: datetime) -> Plan:
    """The user's plan, by the configured resolver."""
    resolver: TierResolver = import_string(conf.tier_resolver)()
    return resolver.resolve(user_id=user_id, now=now)


def require_tier(tier: Tier, needed: Tier, *, what: str) -> None:
    """Refuse what the tier does not give.

    Args:
        what: what it would give, as the start of a sentence: "Keeping a session after it closes".

    Raises:
        TierRequired: naming what the needed tier would give.
    """
    if not tier.covers(needed):
        raise TierRequired(
            f"{what} comes with the {needed.value} plan and above; yours is {tier.value}. What you have stays "
            "yours: you can still list, export and delete it.",
            tier=tier.value,
            required_tier=needed.value,
        )
