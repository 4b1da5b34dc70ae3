"""What the baselines answer."""

from django.urls import path

from tests.benchmarks.bare import views

urlpatterns = [
    path("health/", views.health),
    path("sql/<uuid:session_id>/", views.append_by_sql),
    path("orm/<uuid:session_id>/", views.append_by_models),
    path("knox/", views.Known.as_view()),
]
