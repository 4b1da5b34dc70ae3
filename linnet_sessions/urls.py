"""Which address leads where."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from sessions_app.views.errors import errors
from sessions_app.views.pages import health
from sessions_app.views.panel import panel

admin.site.site_header = "Linnet Sessions"
admin.site.site_title = "Linnet Sessions"
admin.site.index_title = "Support"

urlpatterns = [
    path("", RedirectView.as_view(url="/panel/")),
    # Pages that name no icon are asked for this one.
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}sessions_app/icon.svg")),
    path("panel", RedirectView.as_view(url="/panel/")),
    path("panel/", panel, name="panel-page"),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("sessions_app.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(template_name="sessions_app/docs.html"), name="docs"),
    path("api/docs/errors/", errors, name="errors"),
    path("health/", health, name="health"),
    path("", include("sessions_app.linnet_urls")),
]

handler400 = "sessions_app.views.pages.bad_request"
handler404 = "sessions_app.views.pages.not_found"
handler500 = "sessions_app.views.pages.server_error"
