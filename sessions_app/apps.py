from contextlib import suppress
from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed
from django.db.models.signals import post_migrate


class SessionsAppConfig(AppConfig):
    name = "sessions_app"
    verbose_name = "Sessions"

    def ready(self) -> None:
        from sessions_app import checks  # noqa: F401  (registers the system checks)

        # Permissions are made by such a signal too, so that no migration could give them to a group. Ours comes after.
        post_migrate.connect(_make_support_group, sender=self)


def _make_support_group(*, apps: Any = installed, **_kwargs: Any) -> None:
    from django.contrib.auth.models import Permission

    from sessions_app.services.groups import ensure_support_group

    # An older state of the tables, which somebody migrated back to, may lack the group's table or some permissions.
    with suppress(LookupError, Permission.DoesNotExist):
        apps.get_model("auth", "Group")
        ensure_support_group()
