"""What a user has (the plan) and what a user wants (the preferences)."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from sessions_app.lease import Policy
from sessions_app.tiers import Tier

RECENT_LIMIT_MAX = 50
NOTICE_LEAD_MAX_S = 3600


class Entitlement(models.Model):
    """A user's plan, edited by staff. No row means ``free``."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    tier = models.CharField(max_length=10, choices=[(t.value, t.value) for t in Tier])
    valid_until = models.DateTimeField(
        null=True, blank=True, help_text="Empty: without an end. After this the user is on the free plan."
    )
    tenant = models.CharField(
        max_length=64,
        blank=True,
        help_text="Users of one tenant share topics: only one of them can hold a topic at a time.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="entitlement_tier_known", condition=Q(tier__in=[t.value for t in Tier])),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.tier}"

    def tier_at(self, now: datetime) -> Tier:
        if self.valid_until is not None and self.valid_until <= now:
            return Tier.FREE
        return Tier(self.tier)


class Preferences(models.Model):
    """A user's own choices. No row means the defaults."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    default_policy = models.CharField(
        max_length=10, choices=[(p.value, p.value) for p in Policy], blank=True, default=""
    )
    retention_days = models.PositiveSmallIntegerField(null=True, blank=True)
    recent_limit = models.PositiveSmallIntegerField(default=10)
    notice_lead_s = models.PositiveSmallIntegerField(
        default=300,
        db_default=300,
        help_text="Seconds before a session's deadline at which an open stream gives notice. 0: none.",
    )

    class Meta:
        verbose_name_plural = "preferences"
        constraints = [
            models.CheckConstraint(
                name="preferences_policy_known",
                condition=Q(default_policy__in=["", *(p.value for p in Policy)]),
            ),
            models.CheckConstraint(
                name="preferences_retention_positive",
                condition=Q(retention_days__isnull=True) | Q(retention_days__gte=1),
            ),
            models.CheckConstraint(
                name="preferences_recent_limit_in_range",
                condition=Q(recent_limit__gte=1, recent_limit__lte=RECENT_LIMIT_MAX),
            ),
            models.CheckConstraint(
                name="preferences_notice_lead_in_range", condition=Q(notice_lead_s__lte=NOTICE_LEAD_MAX_S)
            ),
        ]

    def __str__(self) -> str:
        return f"preferences of {self.user}"
