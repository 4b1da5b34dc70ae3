"""Linnet's own front end: its calls, in its words, on the same services as the REST API.

It knows no lease token and sends no CSRF token; who asks, and from which page, the identity middleware says.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpResponse
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from sessions_app.api.access import any_tier, paid_plus, plan_of
from sessions_app.api.guests import KnownOrVisitor, user_or_guest
from sessions_app.api.negotiation import AnyAccept
from sessions_app.conf import conf
from sessions_app.errors import InvalidSession, SessionExpired
from sessions_app.live.handover import StreamRequest, hand_over
from sessions_app.serializers import linnet as shapes
from sessions_app.serializers.inputs import read
from sessions_app.services import linnet, timeline
from sessions_app.services.following import follow
from sessions_app.services.guests import refuse_guest
from sessions_app.services.tiers import Plan
from sessions_app.views.base import ServiceViewSet
from sessions_app.views.stream import last_event_id


class LinnetHealthViewSet(ServiceViewSet):
    """The front end's own look. ``/health/`` is the one for load balancers and operators."""

    schema = None
    content_negotiation_class = AnyAccept
    permission_classes = [AllowAny]

    @any_tier
    def retrieve(self, request: Request) -> Response:  # noqa: ARG002
        """That somebody answers, and in which mode."""
        return Response({"status": "ok", "service": "linnet", "mode": conf.mode.value})


class LinnetViewSet(ServiceViewSet):
    """One call each. The contract is the front end's; docs/linnet.md says how it is kept."""

    # Not part of the API that is described at /api/schema/.
    schema = None
    content_negotiation_class = AnyAccept
    http_method_names = ["get", "head", "post", "delete"]

    def get_permissions(self) -> list[Any]:
        return [KnownOrVisitor()] if self.action == "start" else super().get_permissions()

    @any_tier
    def start(self, request: Request) -> Response:
        """Start a session. A visitor of a demo becomes a guest by this, and by nothing else."""
        body = shapes.StartInput(data=request.data)
        read(body)
        request.user = user_or_guest(request._request, now=self.now)
        session = linnet.start(owner_id=self.owner_id, plan=self._plan(body), request=body.request(), now=self.now)
        return Response(shapes.session_json(session))

    # Paid+, which the service asks for: the licence key that gives it may be in the body.
    @any_tier
    def resume(self, request: Request) -> Response:
        """Start a session that goes on from a snapshot."""
        body = shapes.ResumeInput(data=request.data)
        snapshot_id = read(body)["snapshot_id"]
        resumed = linnet.resume(
            owner_id=self.owner_id,
            plan=self._plan(body),
            snapshot_id=snapshot_id,
            request=body.request(),
            now=self.now,
        )
        return Response(shapes.resumed_json(resumed))

    @any_tier
    def retrieve(self, request: Request, session: str) -> Response:  # noqa: ARG002
        """Is it still there? On anything but yes the front end wipes its screen."""
        return Response(shapes.session_json(self._live(session)))

    @any_tier
    def end(self, request: Request, session: str) -> Response:  # noqa: ARG002
        """End it now."""
        return Response(shapes.stopped_json(linnet.stop(owner_id=self.owner_id, session_id=session, now=self.now)))

    @any_tier
    def stream(self, request: Request, session: str) -> HttpResponse:
        """Follow it. A stream that begins at the start shows first what was brought back from earlier sessions."""
        asked = request._request
        try:
            followed = follow(
                owner_id=self.owner_id, session_id=session, last_event_id=last_event_id(asked), now=self.now
            )
        except SessionExpired:
            raise InvalidSession from None
        earlier = partial(linnet.prelude, owner_id=self.owner_id, session_id=followed.session_id, now=self.now)
        return hand_over(
            asked,
            StreamRequest(
                followed,
                credential=asked.identity.credential,  # type: ignore[attr-defined]
                shape=shapes.shown,
                prelude=None if followed.resumed else earlier,
                lease_events=False,
            ),
        )

    @any_tier
    def history(self, request: Request, session: str) -> Response:
        """The most recent tone events."""
        asked = read(shapes.HistoryQuery(data=request.query_params))
        least = asked["min_confidence"]
        live = self._live(session)
        events = timeline.latest_events(
            session=live,
            wanted=lambda event: shapes.is_tone(event) and (event.get("confidence") or 0) >= least,
            limit=asked["limit"],
            now=self.now,
        )
        return Response(shapes.history_json(live, events))

    @any_tier
    def export(self, request: Request, session: str) -> HttpResponse:  # noqa: ARG002
        """All tone events, as a file: of a live session, or of one that is kept."""
        refuse_guest(self.request.user)
        found, lines = timeline.whole_conversation(
            owner_id=self.owner_id, session_id=session, written=shapes.export_line, now=self.now
        )
        response = HttpResponse(shapes.export_json(found, lines), content_type="application/json")
        response["Content-Disposition"] = f'attachment; filename="linnet-session-{found.pk}.json"'
        return response

    @paid_plus
    def saved(self, request: Request) -> Response:
        """The last saved sessions."""
        limit = read(shapes.SavedQuery(data=request.query_params))["limit"]
        saved = linnet.saved_sessions(owner_id=self.owner_id, plan=self.plan, limit=limit, now=self.now)
        return Response([shapes.saved_json(one) for one in saved])

    def _plan(self, body: shapes.StartInput) -> Plan:
        license_key = body.validated_data.get("license_key", "")
        return plan_of(self.request._request, now=self.now, license_key=license_key)

    def _live(self, session_id: str) -> Any:
        return linnet.live_session(owner_id=self.owner_id, session_id=session_id, now=self.now)
