"""The least that a Django view can do for an append, and for a request that renews what its caller holds."""

from __future__ import annotations

import itertools
import uuid
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from knox.auth import TokenAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from sessions_app.models import JournalBatch, Session

#: What a batch of one event takes once it is sealed: header, one bucket, tag.
SEALED_BYTES = 84 + 512 + 16
LEASE = timedelta(minutes=30)

_numbers = itertools.count(1)


def health(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"ok")


def append_by_sql(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """The two writes of an append as plain SQL, in one transaction. Nothing is checked, nothing sealed."""
    body, seq, now = request.body, next(_numbers), timezone.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sessions_app_session SET last_seq = %s, content_bytes = %s, last_activity_at = %s, "
            "expires_at = %s WHERE id = %s",
            [seq, len(body), now, now + LEASE, session_id],
        )
        cursor.execute(
            "INSERT INTO sessions_app_journalbatch "
            "(session_id, first_seq, last_seq, sealed, created_at, answered_expires_at) "
            "VALUES (%s, %s, %s, %s, %s, %s)",
            [session_id, seq, seq, body.ljust(SEALED_BYTES, b"\0"), now, now + LEASE],
        )
    return JsonResponse({"last_seq": seq}, status=201)


def append_by_models(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """The same two writes through Django's models."""
    body, seq, now = request.body, next(_numbers), timezone.now()
    with transaction.atomic():
        Session.objects.filter(pk=session_id).update(
            last_seq=seq, content_bytes=len(body), last_activity_at=now, expires_at=now + LEASE
        )
        JournalBatch.objects.create(
            session_id=session_id,
            first_seq=seq,
            last_seq=seq,
            sealed=body.ljust(SEALED_BYTES, b"\0"),
            created_at=now,
            answered_expires_at=now + LEASE,
        )
    return JsonResponse({"last_seq": seq}, status=201)


class Known(APIView):
    """Answers whoever has a token of django-rest-knox, which renews itself."""

    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticated]

    def get(self, _request: Any) -> Response:
        return Response({"ok": True})
