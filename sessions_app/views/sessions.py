"""``/api/v1/sessions/``."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from sessions_app.api.access import any_tier
from sessions_app.api.pagination import NewestStarted
from sessions_app.api.schema import problems
from sessions_app.errors import FieldProblem, InvalidFields
from sessions_app.events import read_events
from sessions_app.serializers import inputs, outputs
from sessions_app.serializers.events import max_timestamp_s
from sessions_app.services import journal, reading, receipts, retention, sessions, speakers
from sessions_app.views.base import TOKEN_HEADER, ServiceViewSet

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": inputs.KEY_LENGTH, "pattern": inputs.KEY_PATTERN},
    OpenApiParameter.HEADER,
    description="The same key and body get the same answer again; the key with another body is refused.",
)


class SessionViewSet(ServiceViewSet):
    """Live sessions and closed ones."""

    pagination_class = NewestStarted

    @extend_schema(parameters=[inputs.SessionQuery], responses={200: outputs.ListedSession(many=True), **problems(422)})
    @any_tier
    def list(self, request: Request) -> Response:
        """The user's sessions, newest first."""
        wanted = inputs.read(inputs.SessionQuery(data=request.query_params))
        found = reading.newest_sessions(owner_id=self.owner_id, now=self.now).matching(**wanted)
        page = self.paginate_queryset(found)
        kept = reading.with_snapshots(page or [], owner_id=self.owner_id, now=self.now)
        return self.get_paginated_response(outputs.ListedSession(kept, many=True).data)

    @extend_schema(
        request=inputs.StartInput,
        responses={201: outputs.StartedOutput, 200: outputs.StartedOutput, **problems(402, 409)},
    )
    @any_tier
    def create(self, request: Request) -> Response:
        """Start a session; or take over the user's own live one on the same topic (200, ``resumed``)."""
        body = inputs.StartInput(data=request.data)
        inputs.read(body)
        lease = sessions.start(owner_id=self.owner_id, plan=self.plan, request=body.request(), now=self.now)
        return Response(outputs.StartedOutput(lease).data, status=200 if lease.resumed else 201)

    @extend_schema(responses={200: outputs.SessionDetail})
    @any_tier
    def retrieve(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """One session: both clocks with their reasons, what is kept, what it goes on from."""
        detail = reading.read_detail(owner_id=self.owner_id, session_id=pk, now=self.now)
        return Response(outputs.SessionDetail(detail).data)

    @extend_schema(responses={204: None, **problems(409)})
    @any_tier
    def destroy(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """Remove a closed session: its keys, its snapshot and its row."""
        retention.delete_session(owner_id=self.owner_id, session_id=pk, now=self.now)
        return Response(status=204)

    @extend_schema(parameters=[inputs.HistoryQuery], responses={200: outputs.HistoryOutput, **problems(410, 422)})
    @action(detail=True)
    @any_tier
    def events(self, request: Request, pk: str) -> Response:
        """The history of a live session so far. Reading is no activity."""
        page = inputs.read(inputs.HistoryQuery(data=request.query_params))
        found = journal.read_history(owner_id=self.owner_id, session_id=pk, now=self.now, **page)
        return Response(outputs.HistoryOutput(found).data)

    @extend_schema(
        parameters=[TOKEN_HEADER, IDEMPOTENCY_KEY],
        request=inputs.AppendInput,
        responses={201: outputs.AppendedOutput, **problems(409, 410)},
    )
    @events.mapping.post
    @any_tier
    def append_events(self, request: Request, pk: str) -> Response:
        """Append events. When this answers, they are stored durably."""
        body = inputs.read_append(request.data)
        appended = journal.append(
            owner_id=self.owner_id,
            session_id=pk,
            token=self.lease_token,
            batch=read_events(body["events"], max_timestamp_s=max_timestamp_s()),
            retry=self._retry(request),
            occurred_at=body.get("occurred_at"),
            now=self.now,
        )
        return Response(appended.as_dict(), status=201)

    @staticmethod
    def _retry(request: Request) -> journal.Retry | None:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return None
        if not inputs.is_key(key):
            raise InvalidFields([FieldProblem("Idempotency-Key", "format", inputs.KEY_WANTED)])
        return journal.Retry(key, request._request.body)

    @extend_schema(
        parameters=[TOKEN_HEADER],
        request=inputs.TouchInput,
        responses={200: outputs.TouchedOutput, **problems(409, 410)},
    )
    @action(detail=True, methods=["post"])
    @any_tier
    def touch(self, request: Request, pk: str) -> Response:
        """A user interaction: extends the session from when it occurred."""
        body = inputs.read(inputs.TouchInput(data=request.data))
        touched = sessions.touch(owner_id=self.owner_id, session_id=pk, token=self.lease_token, now=self.now, **body)
        return Response(outputs.TouchedOutput(touched).data)

    @extend_schema(request=None, responses={200: outputs.StartedOutput, **problems(410)})
    @action(detail=True, methods=["post"])
    @any_tier
    def attach(self, request: Request, pk: str) -> Response:
        """Reconnect, or take over from another device: a new token; the old one writes no more."""
        inputs.read(inputs.StrictSerializer(data=request.data))
        lease = sessions.attach(owner_id=self.owner_id, session_id=pk, now=self.now)
        return Response(outputs.StartedOutput(lease).data)

    @extend_schema(
        parameters=[TOKEN_HEADER],
        request=inputs.SpeakersInput,
        responses={200: outputs.LabelsOutput, **problems(409, 410)},
    )
    @action(detail=True, methods=["patch"])
    @any_tier
    def speakers(self, request: Request, pk: str) -> Response:
        """Name and colour speakers: merged into what is there; null removes."""
        body = inputs.read(inputs.SpeakersInput(data=request.data))
        labels = speakers.label_speakers(
            owner_id=self.owner_id,
            session_id=pk,
            token=self.lease_token,
            changes=body["speakers"],
            now=self.now,
        )
        return Response(outputs.LabelsOutput({"speakers": labels}).data)

    @extend_schema(parameters=[TOKEN_HEADER], request=None, responses={200: outputs.ReceiptOutput, **problems(409)})
    @action(detail=True, methods=["post"])
    @any_tier
    def end(self, request: Request, pk: str) -> Response:
        """Close the session now, and say what is kept. Repeating it answers the same."""
        inputs.read(inputs.StrictSerializer(data=request.data))
        receipt = sessions.end(owner_id=self.owner_id, session_id=pk, token=self.lease_token, now=self.now)
        return Response(outputs.ReceiptOutput(receipt).data)

    @extend_schema(responses={200: outputs.ReceiptOutput, **problems(409)})
    @action(detail=True)
    @any_tier
    def receipt(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """What was saved of a closed session, until when, and why."""
        receipt = receipts.read_receipt(owner_id=self.owner_id, session_id=pk, now=self.now)
        return Response(outputs.ReceiptOutput(receipt).data)
