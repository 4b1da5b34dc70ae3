"""System checks of the vault's settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from snapshots.crypto import KeyringInvalid
from snapshots.services.keyring import keyring

RETENTION_DAYS_MAX = 3650


@register()
def check_retention(**_kwargs: Any) -> list[CheckMessage]:
    """Retentions are whole days, from one to ten years."""
    return [
        Error(
            f"{name} must be a whole number of days from 1 to {RETENTION_DAYS_MAX}.",
            hint=f"Set {name} in the environment, or remove it to use the default.",
            id="snapshots.E001",
        )
        for name in ("SNAPSHOT_RETENTION_DAYS", "SNAPSHOT_RETENTION_ENDED_DAYS")
        if not 1 <= getattr(settings, name) <= RETENTION_DAYS_MAX
    ]


@register(deploy=True)
def check_keyring(**_kwargs: Any) -> list[CheckMessage]:
    """The keyring is there. Whether it is the right one, the database tells when a process starts."""
    try:
        keyring()
    except KeyringInvalid as error:
        return [Error(str(error), hint="No web process or worker starts without it.", id="snapshots.E002")]
    return []
