"""What the processes of a failed test wrote last."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests.e2e.stack import Stack


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for name, stack in getattr(item, "funcargs", {}).items():
            if isinstance(stack, Stack):
                report.sections += [(f"{name}: {part}", stack.tail(part)) for part in ("web", "worker")]
    return report
