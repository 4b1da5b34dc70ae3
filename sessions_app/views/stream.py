"""``/api/v1/sessions/{id}/stream/`` and the tickets for it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from sessions_app.api.access import any_tier
from sessions_app.api.negotiation import AnyAccept
from sessions_app.api.schema import problems
from sessions_app.errors import NotAuthenticated
from sessions_app.live.handover import StreamRequest, hand_over
from sessions_app.serializers import inputs, outputs
from sessions_app.services import tickets
from sessions_app.services.credentials import Credential
from sessions_app.services.following import follow
from sessions_app.views.base import ServiceViewSet

LAST_EVENT_ID = OpenApiParameter(
    "Last-Event-ID",
    str,
    OpenApiParameter.HEADER,
    description="The id of the last event received; the stream goes on after it. Anything else: from the start.",
)


class StreamViewSet(ServiceViewSet):
    """Opening a session's live stream."""

    content_negotiation_class = AnyAccept
    # A ticket is as good as being signed in; the action asks for one or the other.
    permission_classes = [AllowAny]
    further_security = [{"ticketAuth": []}]

    @extend_schema(
        parameters=[
            LAST_EVENT_ID,
            OpenApiParameter("last_event_id", str, description="The same, where no header can be sent."),
            OpenApiParameter("ticket", str, description="A ticket, where no credential can be sent."),
        ],
        responses={
            (200, "text/event-stream"): OpenApiResponse(
                OpenApiTypes.STR, description="Server-sent events: docs/api.md says which"
            ),
            **problems(410, 429),
        },
    )
    @any_tier
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        """Follow a live session: what happened so far, then what happens. Watching is no activity."""
        owner_id, credential = self._admit(request._request, pk)
        followed = follow(owner_id=owner_id, session_id=pk, last_event_id=last_event_id(request._request), now=self.now)
        return hand_over(request._request, StreamRequest(followed, credential=credential))

    def _admit(self, request: HttpRequest, session_id: str) -> tuple[int, Credential]:
        identity = request.identity  # type: ignore[attr-defined]
        if identity is not None and identity.user is not None:
            return identity.user.pk, identity.credential
        ticket = request.GET.get("ticket")
        if identity is not None or ticket is None:
            raise NotAuthenticated
        admitted = tickets.redeem(session_id=session_id, ticket=ticket, now=self.now)
        return admitted.owner_id, admitted.credential


def last_event_id(request: HttpRequest) -> str:
    """What a reconnecting client got last: the header that EventSource sends, else the parameter."""
    return request.headers.get("Last-Event-ID") or request.GET.get("last_event_id", "")


class TicketViewSet(ServiceViewSet):
    """Tickets for a session's stream."""

    @extend_schema(request=None, responses={201: outputs.TicketOutput, **problems(410)})
    @any_tier
    def create(self, request: Request, pk: str) -> Response:
        """A ticket that opens this session's stream once, within a minute."""
        inputs.read(inputs.StrictSerializer(data=request.data))
        issued = tickets.issue(
            owner_id=self.owner_id,
            session_id=pk,
            credential=request._request.identity.credential,
            now=self.now,
        )
        return Response(outputs.TicketOutput(issued).data, status=201)
