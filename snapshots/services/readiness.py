"""Is the vault able to open what it holds? Asked at start, before anybody needs it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime

from django.db import DatabaseError

from snapshots.crypto import Context, CryptoError, Key, Keyring, KeyringInvalid, user_key_context
from snapshots.models import KeyCanary, UserKey
from snapshots.services.keyring import keyring

_NOBODY = "canary"


def _leave_canaries(ring: Keyring, *, now: datetime) -> None:
    """A canary under each key of the keyring that has none yet. Several processes may start at once."""
    for key_id in sorted(ring.ids - set(KeyCanary.objects.values_list("key_id", flat=True))):
        wrapped = ring.wrap(Key.generate(), _context(ring), under=key_id)
        KeyCanary.objects.get_or_create(key_id=key_id, defaults={"wrapped": wrapped, "created_at": now})


def _context(ring: Keyring) -> Context:
    return user_key_context(ring.deployment, _NOBODY)


def problem_at_start() -> str:
    """One sentence that says why the vault can't be used and what to do, or an empty string."""
    try:
        return _problem(keyring())
    except KeyringInvalid as error:
        return str(error)
    except DatabaseError as error:
        return (
            f"The database can't be read ({type(error).__name__}): check DATABASE_URL, and run "
            "`python manage.py migrate` if the tables are not there yet."
        )


def _problem(ring: Keyring) -> str:
    for canary in KeyCanary.objects.filter(key_id__in=ring.ids):
        try:
            ring.unwrap(bytes(canary.wrapped), _context(ring), key_id=uuid.UUID(int=0))
        except CryptoError:
            return (
                f"Key {canary.key_id} of the keyring is not the key that this database was sealed with (or the "
                "keyring's deployment was changed): restore the right keyring."
            )
    for key_id in _ids_in_use():
        if key_id not in ring.ids:
            return (
                f"The keyring lacks key {key_id}, under which users' keys are sealed: restore the keyring that has it."
            )
    return ""


def _ids_in_use() -> Iterator[uuid.UUID]:
    """The keys under which users' keys are sealed: for each a look into the index, not at every user."""
    keys = UserKey.objects.order_by("kek_id").values_list("kek_id", flat=True)
    found = keys.first()
    while found is not None:
        yield found
        found = keys.filter(kek_id__gt=found).first()


def exit_unless_ready(*, now: datetime) -> None:
    """Stop the process with one sentence when the vault can't be used; else leave canaries for later starts."""
    problem = problem_at_start()
    if problem:
        raise SystemExit(f"Linnet Sessions did not start. {problem}")
    _leave_canaries(keyring(), now=now)
