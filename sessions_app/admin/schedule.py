"""The periodic work's page. The library's actions ask for no permission: whoever may look could stop the sweep."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat.admin import PeriodicTaskAdmin
from django_celery_beat.models import PeriodicTask

admin.site.unregister(PeriodicTask)


@admin.register(PeriodicTask)
class GuardedPeriodicTaskAdmin(PeriodicTaskAdmin):  # type: ignore[misc]
    """The library's own page, with its actions for those only who may change the schedule."""

    # The library's has a script inside, which the content security policy does not take. It says a crontab in words,
    # as the page does without it.
    change_form_template = "admin/change_form.html"

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if self.has_change_permission(request):
            return actions
        return {name: action for name, action in actions.items() if name not in PeriodicTaskAdmin.actions}
