"""``/api/v1/snapshots/``."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from sessions_app.api.access import any_tier, paid_plus
from sessions_app.api.pagination import NewestCreated
from sessions_app.api.schema import problems
from sessions_app.errors import InvalidSession
from sessions_app.serializers import inputs, outputs
from sessions_app.serializers import snapshots as shapes
from sessions_app.services import importing, reading, retention, speakers
from sessions_app.services.guests import refuse_guest
from sessions_app.views.base import ServiceViewSet, token_header

TOKEN_OF_INTO = token_header("The lease token of the session named by `into`.", required=False)


class SnapshotViewSet(ServiceViewSet):
    """What is kept of closed sessions."""

    pagination_class = NewestCreated

    @extend_schema(responses={200: shapes.SnapshotOutput(many=True), **problems(422)})
    @any_tier
    def list(self, request: Request) -> Response:  # noqa: ARG002
        """The user's snapshots, newest first."""
        page = self.paginate_queryset(reading.snapshots(owner_id=self.owner_id, now=self.now))
        return self.get_paginated_response(shapes.SnapshotOutput(page, many=True).data)

    @extend_schema(responses={200: shapes.SnapshotOutput})
    @any_tier
    def retrieve(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """One snapshot's metadata."""
        snapshot = reading.snapshot(owner_id=self.owner_id, snapshot_id=pk, now=self.now)
        return Response(shapes.SnapshotOutput(snapshot).data)

    @extend_schema(request=inputs.RetentionInput, responses={200: shapes.SnapshotOutput, **problems(402)})
    @any_tier
    def partial_update(self, request: Request, pk: str) -> Response:
        """Keep the snapshot without an end (Paid+), let it go again, or bring its end forward."""
        body = inputs.read(inputs.RetentionInput(data=request.data))
        snapshot = retention.change_retention(
            owner_id=self.owner_id, plan=self.plan, snapshot_id=pk, now=self.now, **body
        )
        return Response(shapes.SnapshotOutput(snapshot).data)

    @extend_schema(responses={204: None})
    @any_tier
    def destroy(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """Destroy the snapshot and its key now. This can't be undone."""
        retention.delete_snapshot(owner_id=self.owner_id, snapshot_id=pk, now=self.now)
        return Response(status=204)

    @extend_schema(parameters=[inputs.ContentQuery], responses={200: shapes.ContentOutput, **problems(409, 422)})
    @action(detail=True)
    @any_tier
    def content(self, request: Request, pk: str) -> HttpResponse:
        """Export the snapshot: the speakers' labels and all events, as they were sent."""
        refuse_guest(self.request.user)
        inputs.read(inputs.ContentQuery(data=request.query_params))
        export = reading.export(owner_id=self.owner_id, snapshot_id=pk, now=self.now)
        response = HttpResponse(shapes.content_json(export), content_type="application/json")
        response["Content-Disposition"] = f'attachment; filename="linnet-session-{export.session}.json"'
        return response

    @extend_schema(request=inputs.SpeakersInput, responses={200: outputs.LabelsOutput, **problems(409)})
    @action(detail=True, methods=["patch"])
    @any_tier
    def speakers(self, request: Request, pk: str) -> Response:
        """Name and colour the speakers of a closed session: merged into what is there; null removes."""
        body = inputs.read(inputs.SpeakersInput(data=request.data))
        labels = speakers.label_snapshot_speakers(
            owner_id=self.owner_id, snapshot_id=pk, changes=body["speakers"], now=self.now
        )
        return Response(outputs.LabelsOutput({"speakers": labels}).data)

    @extend_schema(
        parameters=[TOKEN_OF_INTO],
        request=inputs.ImportInput,
        responses={201: outputs.ImportedOutput, **problems(402, 409, 410)},
    )
    @action(detail=True, methods=["post"], url_path="import")
    @paid_plus
    def bring_back(self, request: Request, pk: str) -> Response:
        """Go on from the snapshot: in a new session, or ``into`` a live one (with its X-Session-Token)."""
        body = inputs.ImportInput(data=request.data)
        chosen = inputs.read(body)
        common: dict[str, Any] = {
            "owner_id": self.owner_id,
            "plan": self.plan,
            "snapshot_id": pk,
            "now": self.now,
        }
        if "into" in chosen:
            try:
                imported = importing.import_into_live(**common, session_id=chosen["into"], token=self.lease_token)
            except InvalidSession as error:
                # Two ids are named by this call: the error says which.
                raise InvalidSession(error.detail, field="into") from None
        else:
            imported = importing.import_into_new(**common, request=body.request())
        return Response(outputs.ImportedOutput(imported).data, status=201)
