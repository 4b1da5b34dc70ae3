"""Which tier a REST call needs: each action says so, and one that says nothing needs Paid+."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.http import HttpRequest

from sessions_app.services.tiers import Plan, resolve_plan
from sessions_app.tiers import PAID_PLUS, Tier

Action = TypeVar("Action", bound=Callable[..., Any])


def any_tier(action: Action) -> Action:
    """Marks an action that every signed-in user may call."""
    action.required_tier = Tier.FREE  # type: ignore[attr-defined]
    return action


def paid_plus(action: Action) -> Action:
    """Marks an action that needs Paid+."""
    action.required_tier = PAID_PLUS  # type: ignore[attr-defined]
    return action


def required_tier(view: Any, method: str) -> Tier:
    """The tier that this view needs for this method. Deny by default: unmarked means Paid+.

    A HEAD is a GET without its body. A method that a viewset does not take needs no tier to be told so.
    """
    routed = "get" if method == "HEAD" else method.lower()
    actions = getattr(view, "actions", None)
    if actions is not None and routed not in actions:
        return Tier.FREE
    handler = getattr(getattr(view, "cls", None), (actions or {}).get(routed, routed), None)
    tier: Tier = getattr(handler, "required_tier", PAID_PLUS)
    return tier


def plan_of(request: HttpRequest, *, now: datetime, license_key: str = "") -> Plan:
    """The plan of whoever is asking, resolved once a request. The licence key is one that came with it, if any."""
    plan: Plan | None = getattr(request, "_linnet_plan", None)
    if plan is None:
        plan = resolve_plan(user_id=request.user.pk, now=now, license_key=license_key)
        request._linnet_plan = plan  # type: ignore[attr-defined]
    return plan
