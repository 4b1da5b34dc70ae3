"""Reading a request body: strict, bounded JSON (RFC 8259), with the place of every fault.

The standard parser accepts more than this service can keep: NaN, 1e400, NUL, lone surrogates, the same name
twice. Reading therefore has two passes. The quick pass parses and only asks *whether* something may be wrong;
if so, the careful pass parses again with markers and says *what* and *where*. Nearly every body needs only
the quick one.

A bulk append is parsed by msgspec, at a quarter of the cost; what that refuses, the standard library reads
(docs/adr/0019).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from math import inf, isfinite
from typing import Any, NoReturn

import msgspec

from sessions_app.errors import FieldProblem, InvalidEvent, InvalidFields, MalformedBody

MAX_BODY_BYTES = 1024 * 1024
"""The most bytes that one request may carry; the edges refuse more before they read."""

MAX_JOURNAL_BYTES = 8 * 1024 * 1024
"""The same for an annotator's bulk append, which carries many sessions' events."""

MAX_DEPTH = 16
"""The most arrays and objects inside one another, the body itself included."""

MAX_INTEGER_CHARS = 308
"""The longest integer that is finite as a double for every reader, sign included."""

_PLAIN_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_ESCAPED_UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")

_BRACKETS, _NAMES = b"[]{}", b":"
# Read as signed bytes these are +1 and -1, so that a running sum is the depth.
_DEPTH_STEPS = bytes.maketrans(_BRACKETS, b"\x01\xff\x01\xff")
_ALL_BUT = {wanted: bytes(byte for byte in range(256) if byte not in wanted + b'"') for wanted in (_BRACKETS, _NAMES)}

_DECODER = msgspec.json.Decoder()

UNSTORABLE_TEXT = {
    "nul": "must not contain NUL characters",
    "surrogate": "must not contain lone surrogates (half of a UTF-16 pair)",
}
"""What no database can keep in text: each fault's code, and the sentence for a person."""

_MESSAGES = {
    **UNSTORABLE_TEXT,
    "duplicate": "must appear only once in its object",
    "not_finite": "must be a finite number",
    "number": f"must be an integer of at most {MAX_INTEGER_CHARS} characters",
}


class _SuspectError(Exception):
    """The quick pass met a number that the careful pass has to place."""


@dataclass(frozen=True, slots=True)
class _Marker:
    """Stands in the parsed tree where a value was that cannot be used."""

    code: str
    name: str | None = None


def is_plain_name(name: str) -> bool:
    """Tell whether a member's name is harmless enough to be repeated in a message or a count."""
    return _PLAIN_NAME.fullmatch(name) is not None


def member_path(path: str, name: str) -> str:
    """Return the path of a member of the object at ``path`` ("" is the body). A name not plain is ``*``."""
    part = name if is_plain_name(name) else "*"
    return f"{path}.{part}" if path else part


def text_fault(text: str) -> str | None:
    """Return the code, in ``UNSTORABLE_TEXT``, of the first character that cannot be kept, or None."""
    if text.isascii():
        return "nul" if "\0" in text else None
    found = _UNSTORABLE.search(text)
    if found is None:
        return None
    return "nul" if found[0] == "\0" else "surrogate"


def is_finite(number: float) -> bool:
    """Tell whether a number is finite for every reader: neither NaN, nor infinite, nor too long an integer."""
    return isfinite(number) if isinstance(number, float) else len(str(number)) <= MAX_INTEGER_CHARS


def read_object(data: bytes) -> dict[str, Any]:
    """Return the JSON object in ``data``: UTF-8, at most ``MAX_DEPTH`` deep, each name once in its object.

    Raises:
        MalformedBody: the bytes are not such an object. Codes: encoding, json, depth, not_an_object,
            duplicate, number (an integer too long). The field is "body" where no better place is known.
        InvalidEvent: something inside ``events`` cannot be kept. Codes: nul, surrogate, not_finite.
        InvalidFields: the same, anywhere else.
    """
    text = _decoded(data)
    _refuse_depth(data)
    try:
        if b"\\" in data and _ESCAPED_UNSTORABLE.search(data):
            raise _SuspectError
        value = _read_quickly(text, names=len(_outside_strings(data, _NAMES)))
    except _SuspectError:
        value = _read_carefully(text)
    return _object(value)


def parse_object(data: bytes) -> dict[str, Any]:
    """Return the JSON object in ``data`` as ``read_object`` does, but leave what cannot be kept where it is.

    For a body of many independent parts, of which one bad part must not spoil the others: whoever reads the parts
    refuses NaN, infinities, integers that are not ``is_finite``, NUL and lone surrogates in each. The last of members
    of one name counts.

    Raises:
        MalformedBody: the bytes are not such an object. Codes: encoding, json, depth, not_an_object.
    """
    text = _decoded(data)
    _refuse_depth(data)
    try:
        value = _DECODER.decode(data)
    except msgspec.DecodeError:
        # Not JSON; or what the parts are to refuse, such as NaN.
        value = _loads(text, parse_int=_finite_int)
    return _object(value)


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("encoding", f"must be UTF-8; byte {error.start}, counted from 0, is not") from None


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _malformed("not_an_object", "must be a JSON object")
    return value


def _finite_int(digits: str) -> float:
    return int(digits) if len(digits) <= MAX_INTEGER_CHARS else inf


def _malformed(code: str, message: str) -> MalformedBody:
    return MalformedBody([FieldProblem("body", code, message)])


def _refuse_depth(data: bytes) -> None:
    """Refuse what is nested too deep: before parsing, because the parsers recurse."""
    steps = _outside_strings(data, _BRACKETS).translate(_DEPTH_STEPS)
    if max(accumulate(memoryview(steps).cast("b")), default=0) > MAX_DEPTH:
        raise _malformed("depth", f"must not be nested more than {MAX_DEPTH} deep")


def _outside_strings(data: bytes, wanted: bytes) -> bytes:
    """Return those bytes of ``data`` that are among ``wanted`` and outside of strings.

    In broken JSON this is right up to the first fault, which is as far as the parser goes.
    """
    if rb"\"" in data:
        # The order matters: a backslash that is itself escaped does not escape the quote behind it.
        data = data.replace(rb"\\", b"").replace(rb"\"", b"")
    # Two adjacent quotes may go wherever they are: what follows stays as much inside a string as it was.
    found = data.translate(None, _ALL_BUT[wanted]).replace(b'""', b"")
    return b"".join(found.split(b'"')[::2]) if b'"' in found else found


def _loads(text: str, **hooks: Any) -> object:
    try:
        value: object = json.loads(text, **hooks)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _malformed("json", f"must be JSON; it cannot be read at {where}") from None
    return value


def _read_quickly(text: str, *, names: int) -> object:
    """Parse; raise ``_SuspectError`` on a bad number, or if the objects hold fewer than ``names`` names."""
    kept = 0

    def count(members: dict[str, Any]) -> dict[str, Any]:
        nonlocal kept
        kept += len(members)
        return members

    value = _loads(text, object_hook=count, parse_int=_quick_int, parse_float=_quick_float, parse_constant=_suspect)
    if kept != names:
        raise _SuspectError
    return value


def _suspect(_constant: str) -> NoReturn:
    raise _SuspectError


def _quick_int(digits: str) -> int:
    if len(digits) > MAX_INTEGER_CHARS:
        raise _SuspectError
    return int(digits)


def _quick_float(digits: str) -> float:
    number = float(digits)
    if isfinite(number):
        return number
    raise _SuspectError


def _read_carefully(text: str) -> object:
    """Parse, and raise an error that names the place of the first fault, if there is one."""
    value = _loads(
        text,
        object_pairs_hook=_marked_object,
        parse_int=_marked_int,
        parse_float=_marked_float,
        parse_constant=lambda _constant: _Marker("not_finite"),
    )
    fault = _first_fault(value)
    if fault is not None:
        raise _fault_error(*fault)
    return value


def _marked_object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Marker:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            return _Marker("duplicate", name)
        members[name] = value
    return members


def _marked_int(digits: str) -> int | _Marker:
    return int(digits) if len(digits) <= MAX_INTEGER_CHARS else _Marker("number")


def _marked_float(digits: str) -> float | _Marker:
    number = float(digits)
    return number if isfinite(number) else _Marker("not_finite")


def _first_fault(value: object) -> tuple[str, list[str | int]] | None:
    """Return the code of the first fault in document order and the steps to it, innermost first."""
    if isinstance(value, str):
        code = text_fault(value)
        return (code, []) if code else None
    if isinstance(value, _Marker):
        return value.code, [] if value.name is None else [value.name]
    if isinstance(value, list):
        members: Iterable[tuple[str | int, object]] = enumerate(value)
    elif isinstance(value, dict):
        members = value.items()
    else:
        return None
    for step, member in members:
        if isinstance(step, str) and (code := text_fault(step)):
            return code, []
        fault = _first_fault(member)
        if fault is not None:
            fault[1].append(step)
            return fault
    return None


def _fault_error(code: str, steps: list[str | int]) -> MalformedBody | InvalidEvent | InvalidFields:
    path = ""
    for step in reversed(steps):
        path = f"{path}[{step}]" if isinstance(step, int) else member_path(path, step)
    problem = FieldProblem(path or "body", code, _MESSAGES[code])
    if code in {"duplicate", "number"}:
        return MalformedBody([problem])
    match steps[::-1]:
        case ["events", int(index), *_]:
            return InvalidEvent(index, problem)
    return InvalidFields([problem])
