"""The group of the support staff: what they need, and nothing else."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission
from django.db import transaction

SUPPORT_GROUP = "Support"

#: By app and model. Nothing here reads content, changes a user, or stops the periodic work.
SUPPORT_PERMISSIONS = {
    ("sessions_app", "session"): ("view_session", "end_session", "release_session"),
    ("snapshots", "snapshot"): ("view_snapshot", "keep_snapshot", "purge_snapshot"),
    ("sessions_app", "entitlement"): ("view_entitlement", "add_entitlement", "change_entitlement"),
    ("auth", "user"): ("view_user",),
    ("django_celery_beat", "periodictask"): ("view_periodictask",),
    ("django_celery_beat", "intervalschedule"): ("view_intervalschedule",),
}


def ensure_support_group() -> Group:
    """The support group, made with its permissions if there is none. One that is there stays as operators left it.

    Raises:
        Permission.DoesNotExist: the database is not migrated.
    """
    with transaction.atomic():
        group, is_new = Group.objects.get_or_create(name=SUPPORT_GROUP)
        if is_new:
            group.permissions.set(
                Permission.objects.get_by_natural_key(codename, app, model)
                for (app, model), codenames in SUPPORT_PERMISSIONS.items()
                for codename in codenames
            )
    return group
