"""What the API's description says of a value, and what is done with it, are the same."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sessions_app.events import KINDS, LIVE_KINDS
from sessions_app.values import Check

CHECKS = {
    f"{event_type}.{name}": check
    for event_type, kind in {**KINDS, **LIVE_KINDS}.items()
    for name, check in {**kind.required, **kind.optional}.items()
}
VALUES: list[Any] = [
    *[None, True, False, {}, [], [""], [1], ["a" * 64], ["a" * 65], [None], ["a"] * 16, ["a"] * 17],
    *[0, 1, -1, 2, 0.5, -0.0, 1.0000001, -2, 10, -10, 10.5, 1e300, 10**300],
    *["", "a", "é" * 64, "a" * 65, "a b" * 66, "a b" * 67, "a b" * 200, "a b" * 2000, "low", "high", "ready", "Low"],
]


@pytest.mark.parametrize("name", CHECKS)
def test_shape_of_a_value_says_what_its_check_lets_pass(name: str) -> None:
    check: Check = CHECKS[name]
    described = Draft202012Validator(dict(check.shape))
    for value in VALUES:
        assert described.is_valid(value) is (check(value) is None), value
