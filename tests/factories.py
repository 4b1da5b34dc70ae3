"""Users and their plans. Sessions and snapshots are made by the service itself, never by a factory."""

from typing import Any

import factory
from django.contrib.auth import get_user_model
from factory.django import DjangoModelFactory

from sessions_app.models import Entitlement
from sessions_app.tiers import Tier


class UserFactory(DjangoModelFactory[Any]):
    class Meta:
        model = get_user_model()

    username = factory.Sequence(lambda n: f"user{n}")


class EntitlementFactory(DjangoModelFactory[Entitlement]):
    class Meta:
        model = Entitlement

    user = factory.SubFactory(UserFactory)
    tier = Tier.PAID.value
