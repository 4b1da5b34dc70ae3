"""Users' plans, which staff edit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from sessions_app.admin.base import StoryAdmin
from sessions_app.models import Entitlement
from sessions_app.tiers import Tier
from sessions_app.wording import moment_in_words


@admin.register(Entitlement)
class EntitlementAdmin(StoryAdmin):
    """One plan a user; a user without one is on the free plan. Changes are in the history, with who made them."""

    list_display = ["user", "now", "tier", "until", "tenant"]
    list_filter = ["tier"]
    search_fields = ["user__username", "user__email", "tenant"]
    search_help_text = "Username, e-mail address or tenant"
    autocomplete_fields = ["user"]
    ordering = ["user__username"]
    list_title = "Entitlements: the plans of users"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user").defer("user__password")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002
        return ["user"] if obj else []

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[ModelForm]:  # noqa: FBT001, FBT002
        kwargs["help_texts"] = {
            "tier": "Pinned sessions, which are saved when they close, come with paid and above. A session that is "
            "live now keeps the plan it started with.",
            "valid_until": "In UTC. Empty: without an end. After this the user is on the free plan; what they have "
            "stays theirs.",
        }
        return super().get_form(request, obj, change, **kwargs)

    def tell(self, found: list[Entitlement], *, now: datetime) -> None:
        for entitlement in found:
            entitlement.tier_now = entitlement.tier_at(now)

    @admin.display(description="Plan now")
    def now(self, obj: Any) -> str:
        tier: Tier = obj.tier_now
        return f"{tier.value}" if tier == obj.tier else f"{tier.value} (its time is over)"

    @admin.display(description="Valid until", ordering="valid_until")
    def until(self, obj: Entitlement) -> str:
        return moment_in_words(obj.valid_until) if obj.valid_until else "Without an end"
