"""An address space whose every view says who is asking: ROOT_URLCONF can name this module."""

from django.http import HttpRequest, JsonResponse
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from linnet_sessions.urls import handler400, handler404, handler500

__all__ = ["handler400", "handler404", "handler500", "urlpatterns"]


@csrf_exempt
def who(request: HttpRequest) -> JsonResponse:
    """The identity that was found, and the user that views see."""
    identity = request.identity  # type: ignore[attr-defined]
    if identity is None:
        return JsonResponse({"user": None})
    return JsonResponse(
        {
            "user": identity.user and identity.user.get_username(),
            "seen": request.user.get_username(),
            "kind": identity.kind,
            "by_cookie": identity.by_cookie,
        }
    )


urlpatterns = [
    path("api/v1/", include("sessions_app.urls")),
    re_path(r"^(?:session|sessions|panel)/", who),
]
