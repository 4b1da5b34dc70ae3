"""System checks of the numbers that sessions and leases follow."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

DAY_S = 86_400

_RANGES = {
    "SESSION_MAX_LIFETIME_S": (1, 7 * DAY_S),
    "SESSION_IDLE_TTL_S": (1, DAY_S),
    "SESSION_PAID_TTL_S": (1, DAY_S),
    "SESSION_PRIVATE_TTL_S": (1, DAY_S),
    "SESSION_MAX_LIVE": (1, 1000),
    "SWEEP_INTERVAL_S": (1, 3600),
    "API_WRITES_PER_MINUTE": (0, 1_000_000),
    "API_STARTS_PER_MINUTE": (0, 1_000_000),
}


@register()
def check_numbers(**_kwargs: Any) -> list[CheckMessage]:
    """Each number within its range, and no idle timeout longer than a session may last."""
    found: list[CheckMessage] = [
        Error(
            f"{name} must be a whole number from {low} to {high}.",
            hint=f"Set {name} in the environment, or remove it to use the default.",
            id="sessions_app.E001",
        )
        for name, (low, high) in _RANGES.items()
        if not low <= getattr(settings, name) <= high
    ]
    found += [
        Error(
            f"{name} must not be longer than SESSION_MAX_LIFETIME_S.",
            hint="A session would end before its idle time could.",
            id="sessions_app.E002",
        )
        for name in ("SESSION_IDLE_TTL_S", "SESSION_PAID_TTL_S", "SESSION_PRIVATE_TTL_S")
        if getattr(settings, name) > settings.SESSION_MAX_LIFETIME_S
    ]
    return found
