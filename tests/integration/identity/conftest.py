"""Addresses that say who is asking."""

import pytest
from pytest_django import Settings

from tests.integration.identity import echo


@pytest.fixture
def echoing(settings: Settings) -> None:
    """The front end's and the panel's addresses say who is asking, whatever their plan."""
    settings.ROOT_URLCONF = echo.__name__
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not name.endswith("PaidTierMiddleware")]
