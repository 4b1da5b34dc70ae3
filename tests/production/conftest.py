"""Installations for all of these tests. They need servers, so they run when their marker is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.production.behind import Behind
from tests.production.cloud import Annotator, Cloud
from tests.production.installation import Installation


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of what happens after a while come last in their file: the others pass the time."""
    files = list(dict.fromkeys(item.path for item in items))
    items.sort(key=lambda item: (files.index(item.path), "after_a_while" in getattr(item, "fixturenames", ())))


@pytest.fixture(scope="session")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    yield from Installation(tmp_path_factory.mktemp("production")).running()


@pytest.fixture
def stack(_running: Installation) -> Iterator[Installation]:
    """Web, worker and beat, with every door open before and after."""
    yield _running
    _running.open_doors()
    _running.wait(_running.well, "every part to be well again")


@pytest.fixture(scope="session")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """An installation in the cloud, with nginx before it."""
    with ExitStack() as running:
        annotator, cloud = Annotator(), Cloud(tmp_path_factory.mktemp("cloud"))
        running.callback(annotator.stop)
        running.callback(cloud.stop)
        behind = Behind(cloud, annotator, running)
        cloud.start()
        yield behind
