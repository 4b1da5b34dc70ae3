"""The system checks: numbers within their ranges, and what goes together."""

import pytest
from django.core.checks import Error, run_checks
from pytest_django import Settings

from sessions_app.checks import DAY_S, check_broker, check_identity, check_live_bus, check_numbers, check_plans
from snapshots.checks import check_retention


def told() -> list[tuple[str | None, str]]:
    """The id of each complaint, and the setting that it begins with."""
    found = [*check_numbers(), *check_retention()]
    assert all(isinstance(message, Error) and message.hint for message in found)
    return [(message.id, message.msg.split()[0]) for message in found]


def test_defaults_are_fine() -> None:
    assert told() == []


def test_checks_are_registered(settings: Settings) -> None:
    settings.SESSION_MAX_LIVE = 0
    settings.SNAPSHOT_RETENTION_DAYS = 0
    assert {"sessions_app.E001", "snapshots.E001"} <= {message.id for message in run_checks()}


@pytest.mark.parametrize(
    ("name", "low", "high", "ident"),
    [
        ("SESSION_IDLE_TTL_S", 1, DAY_S, "sessions_app.E001"),
        ("SESSION_PAID_TTL_S", 1, DAY_S, "sessions_app.E001"),
        ("SESSION_PRIVATE_TTL_S", 1, DAY_S, "sessions_app.E001"),
        ("SESSION_MAX_LIFETIME_S", 1, 7 * DAY_S, "sessions_app.E001"),
        ("SESSION_MAX_LIVE", 1, 1000, "sessions_app.E001"),
        ("STREAM_MAX_OPEN", 1, 100_000, "sessions_app.E001"),
        ("SWEEP_INTERVAL_S", 1, 3600, "sessions_app.E001"),
        ("DEMO_MAX_SESSIONS", 1, 1000, "sessions_app.E001"),
        ("API_TOKEN_TTL_DAYS", 1, 3650, "sessions_app.E001"),
        ("DATABASE_PREPARE_THRESHOLD", 0, 1000, "sessions_app.E001"),
        ("DATABASE_POOL_MAX", 0, 1000, "sessions_app.E001"),
        ("SNAPSHOT_RETENTION_DAYS", 1, 3650, "snapshots.E001"),
        ("SNAPSHOT_RETENTION_ENDED_DAYS", 1, 3650, "snapshots.E001"),
    ],
)
def test_number_outside_its_range_is_named(settings: Settings, name: str, low: int, high: int, ident: str) -> None:
    for wrong in (low - 1, high + 1, -5):
        setattr(settings, name, wrong)
        assert (ident, name) in told()
    for right in (low, high):
        setattr(settings, name, right)
        assert (ident, name) not in told()


@pytest.mark.parametrize("name", ["SESSION_IDLE_TTL_S", "SESSION_PAID_TTL_S", "SESSION_PRIVATE_TTL_S"])
def test_idle_timeout_longer_than_a_session_is_named(settings: Settings, name: str) -> None:
    setattr(settings, name, settings.SESSION_MAX_LIFETIME_S)
    assert told() == []
    setattr(settings, name, settings.SESSION_MAX_LIFETIME_S + 1)
    assert told() == [("sessions_app.E002", name)]


def complaints() -> set[str | None]:
    return {message.id for message in [*check_identity(), *check_plans()]}


#: Settings that together are wrong, and settings that together are right, by the complaint.
HEIMDALL = {"TIER_RESOLVER": "heimdall", "HEIMDALL_URL": "https://licences.example.org"}
WRONG: list[tuple[str, dict[str, object]]] = [
    ("sessions_app.E003", {"CLOUD_MODE": True, "DEMO_MODE": True}),
    *(
        ("sessions_app.E004", {"TRUSTED_PROXIES": ["10.0.0.1", wrong]})
        for wrong in ["proxy", "", "10.0.0.1/8", "10.0.0.0/33", "*", "10.0.0.1:80"]
    ),
    *(
        ("sessions_app.E005", {"CLOUD_SESSION_HEADER": wrong})
        for wrong in ["", "X_CF_Session", "X-CF-Session:", "Authorization", "cookie", "Ü", "X CF"]
    ),
    ("sessions_app.W001", {"CLOUD_MODE": True, "DIRECTUS_JWT_SECRET": "x" * 31}),
    *(
        ("sessions_app.E006", {"CLIENT_ORIGINS": ["https://app.example.org", wrong]})
        for wrong in [
            "*",
            "null",
            "https://*.example.org",
            "app.example.org",
            "https://a.example/",
            "https://a:b",
            "ftp://a",
        ]
    ),
    *(
        ("sessions_app.E007", {"TIER_RESOLVER": wrong})
        for wrong in ["", "Local", "free", "os.nothing", "no.such.Class"]
    ),
    *(
        ("sessions_app.E008", {**HEIMDALL, "HEIMDALL_URL": wrong})
        for wrong in [
            "",
            "licences.example.org",
            "ftp://a",
            "https://",
            "https://u:p@a",
            "https://a?x",
            "https://a#x",
            "https://a:b",
        ]
    ),
    ("sessions_app.E008", {**HEIMDALL, "CLOUD_MODE": True, "HEIMDALL_ADMIN_TOKEN": "x", "HEIMDALL_URL": "http://a"}),
    *(
        ("sessions_app.E009", {**HEIMDALL, "CLOUD_MODE": True, "HEIMDALL_ADMIN_TOKEN": wrong})
        for wrong in ["", "é", "a\nb"]
    ),
]
RIGHT: list[dict[str, object]] = [
    {"DEMO_MODE": True},
    {"CLOUD_MODE": True, "DIRECTUS_JWT_SECRET": "x" * 32, "TRUSTED_PROXIES": ["10.0.0.0/8", "::1", "192.0.2.1"]},
    {"CLIENT_ORIGINS": ["https://app.example.org", "http://localhost:5173"]},
    {"TIER_RESOLVER": "sessions_app.services.tiers.LocalResolver"},
    {**HEIMDALL, "HEIMDALL_URL": "http://127.0.0.1:9000/heimdall"},
    {**HEIMDALL, "CLOUD_MODE": True, "HEIMDALL_ADMIN_TOKEN": "x"},
]


@pytest.mark.parametrize(("ident", "changes"), WRONG)
def test_wrong_setting_is_named(ident: str, changes: dict[str, object], settings: Settings) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    assert complaints() == {ident}
    assert ident in {message.id for message in run_checks()}
    assert all(message.hint for message in [*check_identity(), *check_plans()])


@pytest.mark.parametrize("changes", [{}, *RIGHT])
def test_right_settings_are_fine(changes: dict[str, object], settings: Settings) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    assert complaints() == set()


@pytest.mark.parametrize(
    ("address", "faults"),
    [
        ("amqp://u:secret@h//", 0),
        ("filesystem://localhost", 0),
        ("rediss://:secret@h", 0),
        ("h:5672", 1),
        ("", 1),
        ("sentinel://:secret@h", 1),
    ],
)
def test_broker_is_one_that_is_known(settings: Settings, address: str, faults: int) -> None:
    settings.CELERY_BROKER_URL = address
    found = check_broker()
    assert len(found) == faults
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("address", "faults"),
    [("", 0), ("redis://h:6379/1", 0), ("rediss://:x@h", 0), ("amqp://:secret@h", 1), ("localhost:6379", 1)],
)
def test_live_bus_is_a_redis_or_none(settings: Settings, address: str, faults: int) -> None:
    settings.LIVE_BUS_URL = address
    found = check_live_bus()
    assert len(found) == faults
    assert "secret" not in str(found)
