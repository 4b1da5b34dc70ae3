"""What the REST views share: who is asking, and what time it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework import viewsets
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from sessions_app.api.access import plan_of
from sessions_app.services.tiers import Plan


def token_header(description: str, *, required: bool = True) -> OpenApiParameter:
    """The lease token's header, for the API's description."""
    return OpenApiParameter("X-Session-Token", str, OpenApiParameter.HEADER, required=required, description=description)


TOKEN_HEADER = token_header("The lease token: `lease.token` of the start or the last attach (`lns_…`).")


class ServiceViewSet(viewsets.GenericViewSet[Any]):
    """A viewset whose every action reads the clock once and names the user by id."""

    queryset = None
    lookup_value_regex = "[^/]+"
    # No OPTIONS: the API's description is at /api/schema/, and no other origin is let in.
    http_method_names = ["get", "head", "post", "patch", "delete"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Read the clock: this is the edge."""
        self.now: datetime = timezone.now()
        super().initial(request, *args, **kwargs)

    @property
    def owner_id(self) -> int:
        owner_id = self.request.user.pk
        if owner_id is None:
            raise NotFound
        return int(owner_id)

    @property
    def plan(self) -> Plan:
        return plan_of(self.request._request, now=self.now)

    @property
    def lease_token(self) -> str:
        """The presented lease token. Missing is as good as wrong."""
        return self.request.headers.get("X-Session-Token", "")
