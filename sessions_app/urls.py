"""The REST API, below ``/api/v1/``."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from sessions_app.views.journal import JournalViewSet
from sessions_app.views.preferences import SettingsViewSet
from sessions_app.views.sessions import SessionViewSet
from sessions_app.views.snapshots import SnapshotViewSet
from sessions_app.views.stream import StreamViewSet, TicketViewSet

router = SimpleRouter()
router.register("sessions", SessionViewSet, basename="session")
router.register("snapshots", SnapshotViewSet, basename="snapshot")

urlpatterns = [
    path("journal/", JournalViewSet.as_view({"post": "create"}), name="journal"),
    path("sessions/<str:pk>/stream/", StreamViewSet.as_view({"get": "retrieve"}), name="stream"),
    path("sessions/<str:pk>/tickets/", TicketViewSet.as_view({"post": "create"}), name="tickets"),
    path("", include(router.urls)),
    path("settings/", SettingsViewSet.as_view({"get": "retrieve", "patch": "partial_update"}), name="settings"),
    path("settings/panel/", SettingsViewSet.as_view({"get": "panel"}), name="panel"),
]
