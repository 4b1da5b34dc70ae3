"""What the settings panel shows, and the user's preferences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessions_app.lease import Policy, State
from sessions_app.models import Preferences, Session
from sessions_app.services.reading import Kept, newest_sessions, with_snapshots
from sessions_app.services.tiers import Plan, require_plan
from snapshots.services.snapshots import stored_bytes


@dataclass(frozen=True, slots=True)
class Panel:
    """Everything the panel shows."""

    plan: Plan
    preferences: Preferences
    live: list[Session]
    recent: list[Kept]
    storage_bytes: int


def read_preferences(*, owner_id: int) -> Preferences:
    """The user's preferences, or the defaults."""
    return Preferences.objects.filter(user_id=owner_id).first() or Preferences(user_id=owner_id)


def change_preferences(*, owner_id: int, plan: Plan, changes: Mapping[str, Any]) -> Preferences:
    """Store some preferences; the others stay.

    Raises:
        TierRequired, PlanUnknown: the default policy needs a higher tier.
    """
    if changes.get("default_policy"):
        needed = Policy(changes["default_policy"]).needs
        require_plan(plan, needed, what="Keeping sessions after they close")
    preferences, _ = Preferences.objects.update_or_create(user_id=owner_id, defaults=dict(changes))
    return preferences


def read_panel(*, owner_id: int, plan: Plan, now: datetime) -> Panel:
    """Everything the panel shows, in one go."""
    preferences = read_preferences(owner_id=owner_id)
    sessions = newest_sessions(owner_id=owner_id, now=now)
    recent = sessions.filter(state=State.CLOSED)[: preferences.recent_limit]
    return Panel(
        plan=plan,
        preferences=preferences,
        live=list(sessions.live_at(now)),
        recent=with_snapshots(recent, owner_id=owner_id, now=now),
        storage_bytes=stored_bytes(owner_id=owner_id),
    )
