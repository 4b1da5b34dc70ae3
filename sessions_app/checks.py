"""System checks of the settings: numbers, who is believed, what knows the plans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Caution
from django.utils.module_loading import import_string

from sessions_app.live.database import THREADS as LIVE_THREADS
from sessions_app.services.tiers import RESOLVERS

DAY_S = 86_400

_RANGES = {
    "SESSION_MAX_LIFETIME_S": (1, 7 * DAY_S),
    "SESSION_IDLE_TTL_S": (1, DAY_S),
    "SESSION_PAID_TTL_S": (1, DAY_S),
    "SESSION_PRIVATE_TTL_S": (1, DAY_S),
    "SESSION_MAX_LIVE": (1, 1000),
    "STREAM_MAX_OPEN": (1, 100_000),
    "SWEEP_INTERVAL_S": (1, 3600),
    "DEMO_MAX_SESSIONS": (1, 1000),
    "WEB_THREADS": (1, 256),
    "API_TOKEN_TTL_DAYS": (1, 3650),
    "DATABASE_PREPARE_THRESHOLD": (0, 1000),
    "DATABASE_POOL_MAX": (0, 1000),
    "API_WRITES_PER_MINUTE": (0, 1_000_000),
    "API_STARTS_PER_MINUTE": (0, 1_000_000),
    "SIGN_IN_TRIES_PER_MINUTE": (0, 1_000),
}


@register()
def check_numbers(**_kwargs: Any) -> list[CheckMessage]:
    """Each number within its range, and no idle timeout longer than a session may last."""
    found: list[CheckMessage] = [
        Error(
            f"{name} must be a whole number from {low} to {high}.",
            hint=f"Set {name} in the environment, or remove it to use the default.",
            id="sessions_app.E001",
        )
        for name, (low, high) in _RANGES.items()
        if not low <= getattr(settings, name) <= high
    ]
    found += [
        Error(
            f"{name} must not be longer than SESSION_MAX_LIFETIME_S.",
            hint="A session would end before its idle time could.",
            id="sessions_app.E002",
        )
        for name in ("SESSION_IDLE_TTL_S", "SESSION_PAID_TTL_S", "SESSION_PRIVATE_TTL_S")
        if getattr(settings, name) > settings.SESSION_MAX_LIFETIME_S
    ]
    return found


@register()
def check_pool(**_kwargs: Any) -> list[CheckMessage]:
    """A connection for each thread that may need one."""
    pool = settings.DATABASES["default"].get("OPTIONS", {}).get("pool")
    needed = settings.WEB_THREADS + LIVE_THREADS
    if not pool or pool["max_size"] >= needed:
        return []
    return [
        Caution(
            f"DATABASE_POOL_MAX is less than the {needed} threads of a web process that use the database: when all are "
            "busy, requests are answered with 503.",
            hint=f"Remove DATABASE_POOL_MAX, or lower WEB_THREADS ({LIVE_THREADS} threads are the live streams').",
            id="sessions_app.W002",
        )
    ]


#: As many bytes as the hash of HS256 has (RFC 7518, section 3.2). A shorter key can be guessed from one token.
MIN_JWT_SECRET = 32
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_NO_SESSION_HEADERS = {"authorization", "cookie", "host", "origin"}


@register()
def check_identity(**_kwargs: Any) -> list[CheckMessage]:
    """Who is believed, and in which mode."""
    return list(_wrong_about_identity())


def _wrong_about_identity() -> Iterator[CheckMessage]:
    if settings.CLOUD_MODE and settings.DEMO_MODE:
        yield Error(
            "DEMO_MODE and CLOUD_MODE exclude each other.",
            hint="Set one of them to false: a demo's visitors are nobody's users.",
            id="sessions_app.E003",
        )
    if not all(_is_network(entry) for entry in settings.TRUSTED_PROXIES):
        yield Error(
            "TRUSTED_PROXIES must be a list of addresses and networks, such as 10.0.0.7,10.1.0.0/16.",
            hint="Names are not looked up, and a network has no bits set after its prefix.",
            id="sessions_app.E004",
        )
    header = settings.CLOUD_SESSION_HEADER
    if not _HEADER_NAME.fullmatch(header) or header.lower() in _NO_SESSION_HEADERS:
        yield Error(
            "CLOUD_SESSION_HEADER must be the name of a header that has no other use, such as X-CF-Session.",
            hint="Letters, digits and hyphens.",
            id="sessions_app.E005",
        )
    if settings.CLOUD_MODE and 0 < len(settings.DIRECTUS_JWT_SECRET.encode()) < MIN_JWT_SECRET:
        yield Caution(
            f"DIRECTUS_JWT_SECRET is shorter than {MIN_JWT_SECRET} bytes: whoever has one token can guess it.",
            hint="Give Linnet and this service a longer one.",
            id="sessions_app.W001",
        )
    if not all(_is_origin(entry) for entry in settings.CLIENT_ORIGINS):
        yield Error(
            "CLIENT_ORIGINS must be a list of origins, such as https://app.example.org.",
            hint="A scheme, a host, and a port where it is not the usual one; no path, no slash at the end, no star.",
            id="sessions_app.E006",
        )


@register()
def check_plans(**_kwargs: Any) -> list[CheckMessage]:
    """What knows the plans, and whether it can be asked."""
    return list(_wrong_about_plans())


def _wrong_about_plans() -> Iterator[CheckMessage]:
    name = settings.TIER_RESOLVER
    try:
        import_string(RESOLVERS.get(name, name))
    except ImportError:
        yield Error(
            "TIER_RESOLVER must be local, heimdall, or the path of a class.",
            hint="Remove it to use local: what staff enter in the admin.",
            id="sessions_app.E007",
        )
    if name != "heimdall":
        return
    if not _is_server(settings.HEIMDALL_URL):
        yield Error(
            "HEIMDALL_URL must be the licence server's address, such as https://licences.example.org.",
            hint="http or https, in CLOUD_MODE https; without a user, a query or a fragment.",
            id="sessions_app.E008",
        )
    token = settings.HEIMDALL_ADMIN_TOKEN
    if settings.CLOUD_MODE and not (token and token.isascii() and token.isprintable()):
        yield Error(
            "HEIMDALL_ADMIN_TOKEN must be set where plans come from the licence server in CLOUD_MODE.",
            hint="It is what this service shows to the licence server.",
            id="sessions_app.E009",
        )


@register()
def check_live_bus(**_kwargs: Any) -> list[CheckMessage]:
    """The live bus is a Redis, or there is none."""
    if not settings.LIVE_BUS_URL or urlsplit(settings.LIVE_BUS_URL).scheme in {"redis", "rediss", "unix"}:
        return []
    # The address is not repeated: it may hold a password.
    return [
        Error(
            "LIVE_BUS_URL must be the address of a Redis, such as redis://localhost:6379/1.",
            hint="Leave it out on one machine: each web process then tells its own streams.",
            id="sessions_app.E010",
        )
    ]


#: What Celery reaches with what is installed here.
_BROKERS = {"amqp", "amqps", "filesystem", "redis", "rediss"}


@register()
def check_broker(**_kwargs: Any) -> list[CheckMessage]:
    """The broker is one that this service is tried with."""
    if urlsplit(settings.CELERY_BROKER_URL).scheme in _BROKERS:
        return []
    # The address is not repeated: it may hold a password.
    return [
        Error(
            "CELERY_BROKER_URL must be the address of RabbitMQ or Redis, such as amqp://user:password@host:5672//.",
            hint="Leave it out on one machine: messages then go through a folder.",
            id="sessions_app.E011",
        )
    ]


def _is_network(entry: str) -> bool:
    try:
        ip_network(entry)
    except ValueError:
        return False
    return True


def _is_origin(entry: str) -> bool:
    try:
        parts = urlsplit(entry)
        usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or 1)
    except ValueError:
        return False
    return bool(usable) and entry == f"{parts.scheme}://{parts.netloc}" and not {"@", "*"} & set(entry)


def _is_server(address: str) -> bool:
    try:
        parts = urlsplit(address)
        usable = parts.hostname and (parts.port or 1)
    except ValueError:
        return False
    schemes = {"https"} if settings.CLOUD_MODE else {"http", "https"}
    return bool(usable) and parts.scheme in schemes and not (parts.username or parts.query or parts.fragment)
