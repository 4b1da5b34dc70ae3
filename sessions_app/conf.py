"""This app's settings as one typed object, read when asked for: nothing is frozen at import."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings

from sessions_app.lease import Policy
from sessions_app.modes import Mode, mode_of


class _Conf:
    """Lengths are timedeltas. ``docs/settings.md`` says what each one does."""

    @staticmethod
    def _read(name: str) -> Any:
        return getattr(settings, name)

    @property
    def mode(self) -> Mode:
        return mode_of(cloud=self._read("CLOUD_MODE"), demo=self._read("DEMO_MODE"))

    @property
    def live_bus_url(self) -> str:
        """The Redis that carries events to the streams of other processes; empty: there is none."""
        return str(self._read("LIVE_BUS_URL"))

    @property
    def demo_max_sessions(self) -> int:
        """Live sessions that a demo may have in all."""
        return int(self._read("DEMO_MAX_SESSIONS"))

    @property
    def self_hosted_user(self) -> str:
        """The name of the user who sits at this machine; empty when being here is not enough."""
        return str(self._read("SELF_HOSTED_USER"))

    @property
    def directus_jwt_secret(self) -> str:
        return str(self._read("DIRECTUS_JWT_SECRET"))

    @property
    def cloud_session_header(self) -> str:
        return str(self._read("CLOUD_SESSION_HEADER"))

    @property
    def trusted_proxies(self) -> list[str]:
        """Addresses and networks (CIDR)."""
        return list(self._read("TRUSTED_PROXIES"))

    @property
    def heimdall_url(self) -> str:
        return str(self._read("HEIMDALL_URL"))

    @property
    def heimdall_admin_token(self) -> str:
        return str(self._read("HEIMDALL_ADMIN_TOKEN"))

    @property
    def license_key(self) -> str:
        return str(self._read("LINNET_LICENSE_KEY"))

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
    def max_open_streams(self) -> int:
        """Streams that one user may have open on one web process."""
        return int(self._read("STREAM_MAX_OPEN"))

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
