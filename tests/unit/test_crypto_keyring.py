"""The keys, from the top down: the keyring and its rotation, session keys, and what a session seals."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from snapshots.crypto.context import Context
from snapshots.crypto.errors import KeyNotAvailable, KeyringInvalid, RecordDamaged
from snapshots.crypto.keyring import Keyring
from snapshots.crypto.record import RecordType
from snapshots.crypto.sealing import Key, key_id_of, open_record, seal
from snapshots.crypto.session import SessionCipher, unwrap_session_key, user_key_context, wrap_session_key

DEPLOYMENT = "5b0c6f0e-8f5e-4a57-9d3c-0d9f3c1f7a10"
FIRST, SECOND = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
CANARY = b"canary-canary-canary-canary-\xfb\xff\xbe\xff"
SECRET = base64.urlsafe_b64encode(CANARY).decode()
OTHER_SECRET = base64.urlsafe_b64encode(bytes(range(32))).decode()
CONTEXT = user_key_context(DEPLOYMENT, "zoë")


def _document(**changes: Any) -> dict[str, Any]:
    keys = [{"id": FIRST, "key": SECRET}, {"id": SECOND, "key": OTHER_SECRET}]
    return {"deployment": DEPLOYMENT, "primary": FIRST, "keys": keys, **changes}


def _parse(document: object) -> Keyring:
    text = document if isinstance(document, str) else json.dumps(document)
    return Keyring.parse(text, source="LINNET_KEYRING")


def test_keyring_parses() -> None:
    ring = _parse(_document())
    assert ring.deployment == DEPLOYMENT
    assert ring.primary == UUID(FIRST)
    assert ring.ids == {UUID(FIRST), UUID(SECOND)}
    assert ring.keys[UUID(FIRST)].secret == CANARY


def test_keyring_takes_keys_without_base64_padding_and_uuids_in_capitals() -> None:
    document = _document(deployment=DEPLOYMENT.upper(), keys=[{"id": FIRST, "key": SECRET.rstrip("=")}])
    ring = _parse(document)
    assert ring.keys[UUID(FIRST)].secret == CANARY
    assert ring.deployment == DEPLOYMENT


def test_keyring_round_trip() -> None:
    ring = Keyring.generate().with_new_key(make_primary=False).with_new_key(make_primary=True)
    again = _parse(ring.to_json())
    assert again == ring
    assert again.to_json() == ring.to_json()
    assert list(again.keys) == list(ring.keys)


def test_keyring_generate_keeps_the_deployment() -> None:
    assert Keyring.generate(DEPLOYMENT.upper()).deployment == DEPLOYMENT
    assert Keyring.generate().deployment != Keyring.generate().deployment
    with pytest.raises(ValueError, match="UUID"):
        Keyring.generate("production")


def _entry(**changes: Any) -> dict[str, Any]:
    return _document(keys=[{"id": FIRST, "key": SECRET, **changes}])


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("{", "not JSON"),
        (SECRET, "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"keys": [], "keys": []}', "a member of an object twice"),
        ([], "the keyring is not an object"),
        ("null", "the keyring is not an object"),
        ({}, "exactly the members `deployment`, `primary`, `keys`"),
        (_document(note="x"), "exactly the members `deployment`, `primary`, `keys`"),
        (_document(**{SECRET: 1}), "exactly the members `deployment`, `primary`, `keys`"),
        (_document(keys={}), "`keys` is not a list"),
        (_document(keys=[]), "no keys"),
        (_document(keys=[SECRET]), "`keys[0]` is not an object with exactly the members `id`, `key`"),
        (_document(keys=[{"id": FIRST}]), "`keys[0]` is not an object with exactly the members `id`, `key`"),
        (_entry(note="x"), "`keys[0]` is not an object with exactly the members `id`, `key`"),
        (_entry(id=SECRET), "`keys[0].id` is not a UUID"),
        (_entry(id=FIRST.replace("-", "")), "`keys[0].id` is not a UUID"),
        (_entry(id="{" + FIRST + "}"), "`keys[0].id` is not a UUID"),
        (_entry(id=7), "`keys[0].id` is not a UUID"),
        (_document(deployment="production"), "`deployment` is not a UUID"),
        (_document(deployment=None), "`deployment` is not a UUID"),
        (_document(primary=SECRET), "`primary` is not a UUID"),
        (_document(primary=str(uuid4())), "`primary` is not the id of any"),
        (_entry(key=None), "`keys[0].key` is not base64url"),
        (_entry(key="ü" + SECRET[1:]), "`keys[0].key` is not base64url"),
        (_entry(key="*" + SECRET), "`keys[0].key` is not base64url"),
        (_entry(key=SECRET + "\n"), "`keys[0].key` is not base64url"),
        (_entry(key=SECRET.replace("-", "+").replace("_", "/")), "`keys[0].key` is not base64url"),
        (_entry(key=SECRET[:-3]), "`keys[0].key` is not base64url"),
        (_entry(key=SECRET[:-2] + "9="), "`keys[0].key` is not base64url"),
        (_entry(key=SECRET[:-4]), "`keys[0].key` is 30 bytes long, not 32"),
        (_entry(key="AAAA" + SECRET), "`keys[0].key` is 35 bytes long, not 32"),
        (_entry(key=""), "`keys[0].key` is 0 bytes long, not 32"),
        (
            _document(keys=[{"id": FIRST, "key": SECRET}, {"id": FIRST, "key": OTHER_SECRET}]),
            "`keys[1].id` repeats",
        ),
        (
            _document(keys=[{"id": FIRST, "key": SECRET}, {"id": SECOND, "key": SECRET}]),
            "`keys[1].key` repeats",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 80 else "document",
)
def test_keyring_refuses_in_one_clear_sentence(document: object, said: str) -> None:
    with pytest.raises(KeyringInvalid) as caught:
        _parse(document)
    message = str(caught.value)
    assert message.startswith("LINNET_KEYRING: ")
    assert said in message
    assert message.endswith(".")
    assert message.count(";") == 1  # what is wrong; what to do
    assert not any(part in message for part in (SECRET[:6], SECRET[-6:], "canary"))


def test_keyring_error_is_not_chained_to_one_that_holds_the_text() -> None:
    with pytest.raises(KeyringInvalid) as caught:
        _parse(SECRET)
    assert caught.value.__context__ is None


def test_keyring_repr_hides_its_keys() -> None:
    shown = repr(_parse(_document()))
    assert "canary" not in shown
    assert SECRET[:6] not in shown
    assert FIRST in shown
    assert "Key(" not in shown


def test_keyring_keys_cannot_be_changed() -> None:
    ring = Keyring.generate()
    with pytest.raises(TypeError):
        ring.keys[uuid4()] = Key.generate()  # type: ignore[index]


def test_wrap_round_trip_under_the_primary() -> None:
    ring, user_key = _parse(_document()), Key.generate()
    blob = ring.wrap(user_key, CONTEXT)
    assert key_id_of(blob) == ring.primary
    assert ring.unwrap(blob, CONTEXT, key_id=user_key.id) == user_key
    assert ring.unwrap(memoryview(blob), CONTEXT, key_id=user_key.id) == user_key


def test_unwrap_for_another_owner_or_deployment_is_refused() -> None:
    ring, user_key = _parse(_document()), Key.generate()
    blob = ring.wrap(user_key, CONTEXT)
    for context in (user_key_context(DEPLOYMENT, "zoe"), user_key_context(str(uuid4()), "zoë")):
        with pytest.raises(RecordDamaged):
            ring.unwrap(blob, context, key_id=user_key.id)


def test_unwrap_under_an_unknown_key_names_it_and_tries_no_other() -> None:
    ring, other = _parse(_document()), Keyring.generate(DEPLOYMENT)
    with pytest.raises(KeyNotAvailable) as caught:
        ring.unwrap(other.wrap(Key.generate(), CONTEXT), CONTEXT, key_id=uuid4())
    assert caught.value.key_id == other.primary


def test_unwrap_of_a_blob_renamed_to_another_key_of_the_ring_is_refused() -> None:
    ring = _parse(_document())
    blob = ring.wrap(Key.generate(), CONTEXT)
    renamed = blob[:8] + UUID(SECOND).bytes + blob[24:]
    with pytest.raises(RecordDamaged):
        ring.unwrap(renamed, CONTEXT, key_id=uuid4())


def test_unwrap_refuses_what_is_no_wrapped_user_key() -> None:
    ring = _parse(_document())
    session_key = seal(ring.keys[ring.primary], RecordType.SESSION_KEY, CONTEXT, bytes(32))
    for blob in (b"", b"plaintext" * 20, session_key):
        with pytest.raises(RecordDamaged):
            ring.unwrap(blob, CONTEXT, key_id=uuid4())


def test_rotation_opens_old_wraps_at_every_stage() -> None:
    user_key, start = Key.generate(), Keyring.generate(DEPLOYMENT)
    old = start.wrap(user_key, CONTEXT)

    added = start.with_new_key(make_primary=False)  # 1: the new key only opens
    (new_id,) = added.ids - start.ids
    assert added.primary == start.primary
    assert added.unwrap(old, CONTEXT, key_id=user_key.id) == user_key

    switched = Keyring(DEPLOYMENT, new_id, added.keys)  # 2: the new key wraps
    assert switched.unwrap(old, CONTEXT, key_id=user_key.id) == user_key
    new = switched.wrap(switched.unwrap(old, CONTEXT, key_id=user_key.id), CONTEXT)  # 3: rewrapped
    assert key_id_of(new) == new_id
    assert added.unwrap(new, CONTEXT, key_id=user_key.id) == user_key  # a process still at stage 1

    retired = Keyring(DEPLOYMENT, new_id, {new_id: added.keys[new_id]})  # 4: the old key is gone
    assert retired.unwrap(new, CONTEXT, key_id=user_key.id) == user_key
    with pytest.raises(KeyNotAvailable):
        retired.unwrap(old, CONTEXT, key_id=user_key.id)


def test_with_new_key_can_make_it_primary() -> None:
    start = Keyring.generate(DEPLOYMENT)
    rotated = start.with_new_key(make_primary=True)
    assert {rotated.primary} == rotated.ids - start.ids
    assert rotated.deployment == DEPLOYMENT


BODY = '[{"seq": 41, "marker": "Größe – 始め"}]'.encode()
USER_KEY = Key.generate()
CIPHER = SessionCipher("dep", "zoë", "session-1", Key.generate())


def test_session_cipher_round_trips() -> None:
    assert CIPHER.open_batch(41, 2, CIPHER.seal_batch(41, 2, BODY)) == BODY
    assert CIPHER.open_annotations(30, 70, CIPHER.seal_annotations(30, 70, BODY)) == BODY
    assert CIPHER.open_labels(3, CIPHER.seal_labels(3, BODY)) == BODY


@pytest.mark.parametrize("field", ["deployment", "owner", "session"])
def test_session_cipher_of_somewhere_else_opens_nothing(field: str) -> None:
    elsewhere = dataclasses.replace(CIPHER, **{field: "other"})
    for attempt in (
        lambda: elsewhere.open_batch(41, 2, CIPHER.seal_batch(41, 2, BODY)),
        lambda: elsewhere.open_annotations(30, 70, CIPHER.seal_annotations(30, 70, BODY)),
        lambda: elsewhere.open_labels(3, CIPHER.seal_labels(3, BODY)),
    ):
        with pytest.raises(RecordDamaged):
            attempt()


def test_session_cipher_opens_no_other_position() -> None:
    for attempt in (
        lambda: CIPHER.open_batch(41, 3, CIPHER.seal_batch(41, 2, BODY)),
        lambda: CIPHER.open_batch(42, 2, CIPHER.seal_batch(41, 2, BODY)),
        lambda: CIPHER.open_annotations(29, 70, CIPHER.seal_annotations(30, 70, BODY)),
        lambda: CIPHER.open_annotations(30, 71, CIPHER.seal_annotations(30, 70, BODY)),
        lambda: CIPHER.open_labels(2, CIPHER.seal_labels(3, BODY)),
    ):
        with pytest.raises(RecordDamaged):
            attempt()


def test_session_key_round_trip() -> None:
    session_key = Key.generate()
    blob = wrap_session_key(USER_KEY, deployment="dep", owner="zoë", session="s", session_key=session_key)
    unwrapped = unwrap_session_key(
        USER_KEY, deployment="dep", owner="zoë", session="s", key_id=session_key.id, blob=blob
    )
    assert unwrapped == session_key


@pytest.mark.parametrize("field", ["deployment", "owner", "session"])
def test_session_key_of_somewhere_else_does_not_unwrap(field: str) -> None:
    place = {"deployment": "dep", "owner": "zoë", "session": "s"}
    blob = wrap_session_key(USER_KEY, session_key=Key.generate(), **place)
    with pytest.raises(RecordDamaged):
        unwrap_session_key(USER_KEY, key_id=uuid4(), blob=blob, **{**place, field: "other"})


def test_wrapped_key_of_another_length_does_not_unwrap() -> None:
    context = Context("dep", "zoë", "s", "session-key", ())
    blob = seal(USER_KEY, RecordType.SESSION_KEY, context, bytes(31))
    with pytest.raises(RecordDamaged):
        unwrap_session_key(USER_KEY, deployment="dep", owner="zoë", session="s", key_id=uuid4(), blob=blob)


VECTORS: list[dict[str, Any]] = [
    vector
    for file in ("records-v1.json", "records-v1-live.json")
    for vector in json.loads((Path(__file__).parents[1] / "vectors" / file).read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_session_contexts_are_those_of_the_vectors(vector: dict[str, Any]) -> None:
    place = {name: vector["context"][name] for name in ("deployment", "owner", "session")}
    position, data = vector["context"]["position"], bytes.fromhex(vector["record"])
    key = Key(UUID(vector["key_id"]), bytes.fromhex(vector["key"]))
    cipher = SessionCipher(**place, key=key)
    user_context = user_key_context(place["deployment"], place["owner"])
    opened = {
        RecordType.BATCH: lambda: cipher.open_batch(*position, data),
        RecordType.ANNOTATIONS: lambda: cipher.open_annotations(*position[1:], data),
        RecordType.LABELS: lambda: cipher.open_labels(*position, data),
        RecordType.LIVE: lambda: cipher.open_live(*position, data),
        RecordType.SESSION_KEY: lambda: unwrap_session_key(key, **place, key_id=key.id, blob=data).secret,
        RecordType.USER_KEY: lambda: open_record(key, RecordType.USER_KEY, user_context, data),
    }[RecordType(vector["type"])]()
    assert opened == bytes.fromhex(vector["plaintext"])
