"""The users of a new installation: one of support staff, one Paid+ and one Free to try the service with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db import transaction

from sessions_app.models import Entitlement
from sessions_app.services.groups import ensure_support_group
from sessions_app.services.tokens import issue_token
from sessions_app.tiers import Tier

SUPPORT, DEMO, DEMO_FREE = "support", "demo", "demo-free"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a new user signs in with; shown once. Staff have no API token."""

    username: str
    password: str
    token: str = ""


def ensure_first_users() -> list[Credentials]:
    """Make the users that are missing; change none that is there. Returns the credentials of the new ones."""
    users = get_user_model().objects
    made = []
    with transaction.atomic():
        group = ensure_support_group()
        if not users.filter(username=SUPPORT).exists():
            password = secrets.token_urlsafe(15)
            users.create_user(SUPPORT, password=password, is_staff=True).groups.add(group)
            made.append(Credentials(SUPPORT, password))
        for username, tier in ((DEMO, Tier.PAID), (DEMO_FREE, Tier.FREE)):
            if users.filter(username=username).exists():
                continue
            password = secrets.token_urlsafe(15)
            user = users.create_user(username, password=password)
            if tier is not Tier.FREE:
                Entitlement.objects.create(user=user, tier=tier.value)
            made.append(Credentials(username, password, issue_token(username=username)))
    return made
