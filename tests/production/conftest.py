"""One installation for all of these tests. They need servers, so they run when their marker is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.production.installation import Installation


@pytest.fixture(scope="session")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    yield from Installation(tmp_path_factory.mktemp("production")).running()


@pytest.fixture
def stack(_running: Installation) -> Iterator[Installation]:
    """Web, worker and beat, with every door open before and after."""
    yield _running
    _running.open_doors()
    _running.wait(_running.well, "every part to be well again")
