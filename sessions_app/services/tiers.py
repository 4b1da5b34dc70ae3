"""Which tier a user has, from whatever knows it: ``TIER_RESOLVER`` says what that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.utils.module_loading import import_string

from sessions_app.conf import conf
from sessions_app.errors import PlanUnknown, TierRequired
from sessions_app.models import Entitlement
from sessions_app.tiers import Tier


@dataclass(frozen=True, slots=True)
class Plan:
    """A user's tier, and the tenant within which topics are shared (empty: nobody's).

    ``stale``: what knows it can't be asked now, and this is its last answer. ``known`` is False when there is none:
    the tier is ``free`` until it is known, and what needs more is put off, not refused (:func:`require_plan`).
    """

    tier: Tier
    tenant: str = ""
    stale: bool = False
    known: bool = True


class TierResolver(Protocol):
    """Something that knows plans."""

    def resolve(self, *, user_id: int, now: datetime, license_key: str = "") -> Plan:
        """The user's plan at this moment. A licence key is used for this call, and neither stored nor logged."""


class LocalResolver:
    """Plans that staff edit in the admin. No row, or one that is past its date, means ``free``."""

    def resolve(self, *, user_id: int, now: datetime, license_key: str = "") -> Plan:  # noqa: ARG002
        entitlement = Entitlement.objects.filter(user_id=user_id).first()
        if entitlement is None:
            return Plan(Tier.FREE)
        return Plan(entitlement.tier_at(now), entitlement.tenant)


#: The resolvers that have a name. Any other is named by the path of its class.
RESOLVERS = {
    "local": "sessions_app.services.tiers.LocalResolver",
    "heimdall": "sessions_app.services.heimdall.HeimdallResolver",
}


def resolve_plan(*, user_id: int, now: datetime, license_key: str = "") -> Plan:
    """The user's plan, by the configured resolver.

    Args:
        license_key: one that came with the request, if any: used for this call, never stored or logged.
    """
    name = conf.tier_resolver
    resolver: TierResolver = import_string(RESOLVERS.get(name, name))()
    return resolver.resolve(user_id=user_id, now=now, license_key=license_key)


def require_plan(plan: Plan, needed: Tier, *, what: str) -> None:
    """Refuse what the plan does not give. ``what`` is as for :func:`require_tier`.

    Raises:
        TierRequired: naming what the needed tier would give.
        PlanUnknown: it may give this; nobody can say now.
    """
    if not plan.known and not plan.tier.covers(needed):
        raise PlanUnknown
    require_tier(plan.tier, needed, what=what)


def require_tier(tier: Tier, needed: Tier, *, what: str) -> None:
    """Refuse what the tier does not give.

    Args:
        what: what it would give, as the start of a sentence: "Keeping a session after it closes".

    Raises:
        TierRequired: naming what the needed tier would give.
    """
    if not tier.covers(needed):
        raise TierRequired(
            f"{what} comes with the {needed.value} plan and above; yours is {tier.value}. What is kept "
            "of your sessions stays yours on every plan: list, export and delete it at /panel/ or /api/v1/snapshots/.",
            tier=tier.value,
            required_tier=needed.value,
        )
