"""What one value of an event may be: a check for each kind of value, which also says what it lets pass.

``shape`` is that as JSON Schema, for the API's description. It stands beside the check that it describes, so that
neither changes without the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from sessions_app.jsonbody import UNSTORABLE_TEXT, is_finite, text_fault
from sessions_app.privacy import SHORTEST_AUDIO_TEXT, is_audio_text


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a value: a stable code, and what is wanted instead."""

    code: str
    message: str


class Check(Protocol):
    """Looks at one JSON value; returns its fault, or None if it may be stored."""

    shape: Mapping[str, Any]

    def __call__(self, value: object, /) -> Fault | None: ...


def _lets_pass(**shape: Any) -> Callable[[Callable[[object], Fault | None]], Check]:
    """Make a check of a function, by this JSON Schema."""

    def described(function: Callable[[object], Fault | None]) -> Check:
        check = cast("Check", function)
        check.shape = shape
        return check

    return described


def number(low: float, high: float, unit: str = "") -> Check:
    """Make the check for a finite number in ``low..high``, both included. A boolean is not a number."""
    wanted = f"must be a number{unit and f' of {unit}'} from {low:.15g} to {high:.15g}"
    wrong_type, out_of_range, not_finite = (Fault(code, wanted) for code in ("type", "range", "not_finite"))

    @_lets_pass(type="number", minimum=low, maximum=high)
    def check(value: object) -> Fault | None:
        if type(value) is not float and type(value) is not int:
            return wrong_type
        if low <= value <= high:
            return None
        return out_of_range if is_finite(value) else not_finite

    return check


def text(shortest: int, longest: int) -> Check:
    """Make the check for a string of ``shortest..longest`` characters (Unicode code points)."""
    size = f"from {shortest} to {longest}" if shortest else f"at most {longest}"
    wanted = f"must be a string of {size} characters"
    wrong_type, wrong_length = Fault("type", wanted), Fault("length", wanted)

    @_lets_pass(type="string", minLength=shortest, maxLength=longest)
    def check(value: object) -> Fault | None:
        if not isinstance(value, str):
            return wrong_type
        length = len(value)
        if not shortest <= length <= longest:
            return wrong_length
        if length >= SHORTEST_AUDIO_TEXT and is_audio_text(value):
            return _AUDIO
        if value.isprintable():
            return None  # nearly every text: what can't be stored is not printable
        code = text_fault(value)
        return _UNSTORABLE[code] if code else None

    return check


def texts(most: int, longest: int) -> Check:
    """Make the check for a list of at most ``most`` strings of at most ``longest`` characters each."""
    wanted = f"must be a list of at most {most} strings of at most {longest} characters"
    faults = {"type": Fault("type", wanted), "length": Fault("length", wanted)}
    check_item = text(0, longest)

    @_lets_pass(type="array", maxItems=most, items=check_item.shape)
    def check(value: object) -> Fault | None:
        if not isinstance(value, list):
            return faults["type"]
        if len(value) > most:
            return faults["length"]
        for item in value:
            fault = check_item(item)
            if fault is not None:
                return faults.get(fault.code, fault)
        return None

    return check


def choice(*names: str) -> Check:
    """Make the check for one of the strings ``names``."""
    wanted = f"must be one of {', '.join(names)}"
    wrong_type, unknown = Fault("type", wanted), Fault("choice", wanted)

    @_lets_pass(type="string", enum=list(names))
    def check(value: object) -> Fault | None:
        if not isinstance(value, str):
            return wrong_type
        return None if value in names else unknown

    return check


@_lets_pass(type="boolean")
def boolean(value: object) -> Fault | None:
    """Check for ``true`` or ``false``."""
    return None if isinstance(value, bool) else _NOT_BOOLEAN


_NOT_BOOLEAN = Fault("type", "must be true or false")
_UNSTORABLE = {code: Fault(code, message) for code, message in UNSTORABLE_TEXT.items()}
# Never shown: what has this fault is refused by `refuse_audio`, which has its own words.
_AUDIO = Fault("audio", "must not carry audio")
