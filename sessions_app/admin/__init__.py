"""The pages of the support staff: metadata in words, and the few things they may do. Never what was said."""

from django.contrib import admin
from knox.models import AuthToken

from sessions_app.admin import plans, schedule, sessions, snapshots, users

__all__ = ["plans", "schedule", "sessions", "snapshots", "users"]

# Whose page shows or deletes somebody's API tokens: nobody's.
admin.site.unregister(AuthToken)
