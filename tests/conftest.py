"""For all tests: which need more than this machine's own parts, and how long an example may take."""

import pytest
from hypothesis import settings

#: Tests that take processes, servers or minutes. They run when ``-m`` asks for their marker, and not otherwise.
ON_REQUEST = {
    "e2e": "starts real processes",
    "production": "needs PostgreSQL, Redis, RabbitMQ and nginx",
    "faults": "kills real processes for a minute",
    "browser": "needs Chromium",
}

# How long an example takes says nothing about the code on a busy machine.
settings.register_profile("linnet", deadline=None)
settings.load_profile("linnet")


def pytest_configure(config: pytest.Config) -> None:
    for marker, what in ON_REQUEST.items():
        config.addinivalue_line("markers", f"{marker}: {what}; run it with -m {marker}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    silent = [marker for marker in ON_REQUEST if marker not in config.option.markexpr]
    left_out = [item for item in items if any(item.get_closest_marker(marker) for marker in silent)]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
