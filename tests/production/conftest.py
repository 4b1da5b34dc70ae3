"""One installation for all of these tests. They need servers, so they run when their marker is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.production.installation import Installation

MARKER = "production"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARKER}: needs PostgreSQL, Redis and RabbitMQ; run it with -m {MARKER}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if MARKER in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker(MARKER)]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("production"))
    try:
        installation.start()
        yield installation
    finally:
        installation.stop()


@pytest.fixture
def stack(_running: Installation) -> Iterator[Installation]:
    """Web, worker and beat, with every door open before and after."""
    yield _running
    _running.open_doors()
    _running.wait(_running.well, "every part to be well again")
