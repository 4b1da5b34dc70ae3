"""The addresses that Linnet's own front end knows. It has no trailing slashes, and follows no redirect."""

from django.urls import path

from sessions_app.views.linnet import LinnetHealthViewSet, LinnetViewSet

urlpatterns = [
    path("health", LinnetHealthViewSet.as_view({"get": "retrieve"}), name="linnet-health"),
    path("session/start", LinnetViewSet.as_view({"post": "start"}), name="linnet-start"),
    path("session/resume", LinnetViewSet.as_view({"post": "resume"}), name="linnet-resume"),
    path("session/<str:session>", LinnetViewSet.as_view({"get": "retrieve"}), name="linnet-session"),
    path("session/<str:session>/end", LinnetViewSet.as_view({"delete": "end"}), name="linnet-end"),
    path("session/<str:session>/stream", LinnetViewSet.as_view({"get": "stream"}), name="linnet-stream"),
    path("session/<str:session>/history", LinnetViewSet.as_view({"get": "history"}), name="linnet-history"),
    path("session/<str:session>/export", LinnetViewSet.as_view({"get": "export"}), name="linnet-export"),
    path("sessions/history", LinnetViewSet.as_view({"get": "saved"}), name="linnet-saved"),
]
