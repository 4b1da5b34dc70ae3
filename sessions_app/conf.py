"""This app's settings as one typed object, read when asked for: nothing is frozen at import."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings

from sessions_app.lease import Policy


class _Conf:
    """Lengths are timedeltas. ``docs/settings.md`` says what each one does."""

    @staticmethod
    def _read(name: str) -> Any:
        return getattr(settings, name)

    def idle_timeout(self, policy: Policy) -> timedelta:
        names = {
            Policy.EPHEMERAL: "SESSION_IDLE_TTL_S",
            Policy.PINNED: "SESSION_PAID_TTL_S",
            Policy.PRIVATE: "SESSION_PRIVATE_TTL_S",
        }
        return timedelta(seconds=self._read(names[policy]))

    @property
    def max_lifetime(self) -> timedelta:
        return timedelta(seconds=self._read("SESSION_MAX_LIFETIME_S"))

    @property
    def max_live(self) -> int:
        return int(self._read("SESSION_MAX_LIVE"))

    @property
    def retention(self) -> timedelta:
        """How long a snapshot is kept whose session was not ended by the user."""
        return timedelta(days=self._read("SNAPSHOT_RETENTION_DAYS"))

    @property
    def retention_ended(self) -> timedelta:
        """How long a snapshot is kept whose session the user ended."""
        return timedelta(days=self._read("SNAPSHOT_RETENTION_ENDED_DAYS"))

    @property
    def tier_resolver(self) -> str:
        return str(self._read("TIER_RESOLVER"))


conf = _Conf()
