"""Which address leads where."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from sessions_app.views.pages import errors, health

admin.site.site_header = "Linnet Sessions"
admin.site.site_title = "Linnet Sessions"
admin.site.index_title = "Support"

urlpatterns = [
    path("", RedirectView.as_view(url="/api/docs/")),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("sessions_app.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(), name="docs"),
    path("api/docs/errors/", errors, name="errors"),
    path("health/", health, name="health"),
]

handler400 = "sessions_app.views.pages.bad_request"
handler404 = "sessions_app.views.pages.not_found"
handler500 = "sessions_app.views.pages.server_error"
