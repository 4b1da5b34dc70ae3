"""The key-encryption keys of a deployment: several by id, one of them primary.

New wraps use the primary; a record opens with the key it names and with no other, so an old key only has to
stay in the ring to be of use. The JSON form is a secret: keep it in a mounted file or in the environment.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID, uuid4

from .context import Context
from .errors import KeyNotAvailable, KeyringInvalid
from .record import RecordType
from .sealing import KEY_SIZE, Key, key_id_of, open_key, seal_key

_RING_MEMBERS = ("deployment", "primary", "keys")
_KEY_MEMBERS = ("id", "key")
_MAKE_ONE = "make one with `manage.py generate_snapshot_key`"


@dataclass(frozen=True, slots=True)
class Keyring:
    """``wrap`` and ``unwrap`` are all that callers need, so a key service could stand in its place."""

    deployment: str  # a UUID, in every context; to change it is to lose every record
    primary: UUID
    keys: Mapping[UUID, Key] = field(repr=False)

    @classmethod
    def parse(cls, text: str, *, source: str) -> Keyring:
        """Read a keyring from JSON; ``source`` names the file or variable it came from, for the message.

        ``{"deployment": uuid, "primary": uuid, "keys": [{"id": uuid, "key": base64url of 32 bytes}, …]}``

        Raises:
            KeyringInvalid: says what is wrong, where, and what to do. It repeats nothing from the text,
                since a key may have been pasted into any place.
        """
        return _Reader(source).ring(text)

    @classmethod
    def generate(cls, deployment: str | None = None) -> Keyring:
        """Return a ring of one new key, for ``deployment`` or for a new one.

        Raises:
            ValueError: ``deployment`` is not a UUID.
        """
        key = Key.generate()
        name = uuid4() if deployment is None else UUID(deployment)
        return cls(str(name), key.id, _by_id([key]))

    @property
    def ids(self) -> frozenset[UUID]:
        """The ids of all keys in the ring."""
        return frozenset(self.keys)

    def to_json(self) -> str:
        """Return what ``parse`` reads, **secrets included**, keys in the order they were added."""
        document = {
            "deployment": self.deployment,
            "primary": str(self.primary),
            "keys": [{"id": str(key.id), "key": _encode(key.secret)} for key in self.keys.values()],
        }
        return json.dumps(document, indent=2) + "\n"

    def with_new_key(self, *, make_primary: bool) -> Keyring:
        """Return a ring with one more key.

        In a rotation add it without making it primary first, and switch when every process can open with it.
        """
        key = Key.generate()
        primary = key.id if make_primary else self.primary
        return Keyring(self.deployment, primary, _by_id([*self.keys.values(), key]))

    def wrap(self, secret: Key, context: Context, *, under: UUID | None = None) -> bytes:
        """Return a user's key sealed under the primary, or under another key of the ring."""
        return seal_key(self.keys[under or self.primary], RecordType.USER_KEY, context, secret)

    def unwrap(self, blob: bytes | memoryview, context: Context, *, key_id: UUID) -> Key:
        """Return the user's key under the id ``key_id``. No key but the one that the blob names is tried.

        Raises:
            KeyNotAvailable: that key is not in the ring.
            RecordDamaged: the blob is not what was wrapped in this context.
        """
        wrapping_id = key_id_of(blob)
        wrapping = self.keys.get(wrapping_id)
        if wrapping is None:
            raise KeyNotAvailable(wrapping_id)
        return open_key(wrapping, RecordType.USER_KEY, context, blob, key_id=key_id)


def _by_id(keys: Iterable[Key]) -> Mapping[UUID, Key]:
    return MappingProxyType({key.id: key for key in keys})


def _encode(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode("ascii")


class _RepeatedMemberError(ValueError):
    """A JSON object names a member twice; Python would silently keep the last."""


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RepeatedMemberError
    return members


@dataclass(frozen=True, slots=True)
class _Reader:
    """Checks a keyring's JSON step by step; every fault ends in one sentence that names the source."""

    source: str

    def ring(self, text: str) -> Keyring:
        document = self._members(self._json(text), _RING_MEMBERS, "the keyring")
        deployment = self._uuid(document["deployment"], "deployment")
        primary = self._uuid(document["primary"], "primary")
        keys = self._keys(document["keys"])
        if primary not in keys:
            raise self._fault("`primary` is not the id of any of the `keys`; set it to one of them.")
        return Keyring(str(deployment), primary, keys)

    def _json(self, text: str) -> object:
        if not text.strip():
            raise self._fault(f"the keyring is empty; {_MAKE_ONE}.")
        try:
            return json.loads(text, object_pairs_hook=_distinct)
        except _RepeatedMemberError:
            problem = "the keyring names a member of an object twice; remove one of the two."
        except (ValueError, RecursionError):
            problem = f"the keyring is not JSON; restore it from a backup, or {_MAKE_ONE}."
        # Raised out here, so that the decoder's error, which holds the whole text, is not chained to it.
        raise self._fault(problem)

    def _keys(self, entries: object) -> Mapping[UUID, Key]:
        if not isinstance(entries, list):
            raise self._fault("`keys` is not a list; write it as a list of objects with `id` and `key`.")
        if not entries:
            raise self._fault(f"the keyring holds no keys; {_MAKE_ONE}.")
        keys: dict[UUID, Key] = {}
        secrets: set[bytes] = set()
        for index, entry in enumerate(entries):
            where = f"keys[{index}]"
            members = self._members(entry, _KEY_MEMBERS, f"`{where}`")
            key = Key(self._uuid(members["id"], f"{where}.id"), self._secret(members["key"], f"{where}.key"))
            if key.id in keys:
                raise self._fault(f"`{where}.id` repeats an earlier id; give every key an id of its own.")
            if key.secret in secrets:
                raise self._fault(f"`{where}.key` repeats an earlier key; remove the entry that records do not name.")
            keys[key.id] = key
            secrets.add(key.secret)
        return _by_id(keys.values())

    def _members(self, value: object, names: tuple[str, ...], what: str) -> dict[str, object]:
        if not isinstance(value, dict) or set(value) != set(names):
            wanted = ", ".join(f"`{name}`" for name in names)
            raise self._fault(f"{what} is not an object with exactly the members {wanted}; correct it.")
        return value

    def _uuid(self, value: object, where: str) -> UUID:
        # Only the usual hyphenated form: UUID() also takes braces, URNs and hyphens anywhere.
        try:
            parsed = UUID(value) if isinstance(value, str) else None
        except ValueError:
            parsed = None
        if parsed is None or str(parsed) != str(value).lower():
            raise self._fault(f"`{where}` is not a UUID; write it as 8-4-4-4-12 hexadecimal digits.")
        return parsed

    def _secret(self, value: object, where: str) -> bytes:
        bad = f"`{where}` is not base64url; copy the key again, whole and unchanged."
        if not isinstance(value, str):
            raise self._fault(bad)
        try:
            secret = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        except ValueError:
            raise self._fault(bad) from None
        # The decoder skips what is not in its alphabet; encoding again shows whether it skipped anything.
        if _encode(secret).rstrip("=") != value.rstrip("="):
            raise self._fault(bad)
        if len(secret) != KEY_SIZE:
            raise self._fault(f"`{where}` is {len(secret)} bytes long, not {KEY_SIZE}; copy the key again, whole.")
        return secret

    def _fault(self, problem: str) -> KeyringInvalid:
        return KeyringInvalid(self.source, problem)
