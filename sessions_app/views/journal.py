"""``/api/v1/journal/``: an annotator's bulk append."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from sessions_app.api.access import any_tier
from sessions_app.api.parsers import JournalParser
from sessions_app.api.problems import problem_document
from sessions_app.errors import LinnetError, NotPermitted
from sessions_app.serializers import journal as shapes
from sessions_app.services.bulk import BulkBatch, append_many
from sessions_app.views.base import ServiceViewSet


class IsAnnotator(BasePermission):
    """An annotator's credential, and no user's.

    Raises:
        NotPermitted: a user asks.
    """

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002
        identity = request._request.identity
        if identity is not None and identity.user is not None:
            raise NotPermitted("Only an annotator's token (manage.py issue_annotator_token) may do this.")
        return identity is not None


class JournalViewSet(ServiceViewSet):
    """Many sessions' events in one request."""

    parser_classes = [JournalParser]
    permission_classes = [IsAnnotator]

    @extend_schema(request=shapes.JournalInput, responses={200: shapes.JournalOutput}, auth=[{"annotatorAuth": []}])
    @any_tier
    def create(self, request: Request) -> Response:
        """Append batches to up to 200 live sessions, up to 5,000 events in all.

        200 with a result for each batch, in order: a status of 201 and what was stored, or a problem document. A batch
        that can't be stored spoils none of the others. Needs an annotator's token.
        """
        read = shapes.read_batches(request.data)
        stored = iter(append_many(batches=[batch for batch in read if isinstance(batch, BulkBatch)], now=self.now))
        results = [next(stored) if isinstance(batch, BulkBatch) else batch for batch in read]
        sessions = shapes.session_names(request.data)
        return Response({"results": [_result(name, result) for name, result in zip(sessions, results, strict=True)]})


def _result(session: str, result: Any) -> dict[str, Any]:
    if isinstance(result, LinnetError):
        return {"session": session, **problem_document(result)}
    return {"session": session, "status": 201, **result.as_dict()}
