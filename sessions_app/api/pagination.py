"""Cursor pagination: ``{next, previous, results}``, newest first."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from sessions_app.errors import FieldProblem, InvalidFields

PAGE_DEFAULT = 20
PAGE_MAX = 100


class NewestFirst(CursorPagination):
    """``?limit=`` and ``?cursor=``. A cursor or limit that can't be read is an error, never a silent first page."""

    page_size = PAGE_DEFAULT
    max_page_size = PAGE_MAX
    page_size_query_param = "limit"
    cursor_query_param = "cursor"
    cursor_query_description = "From the next or previous link of a page."
    page_size_query_description = "How many to a page."
    #: The fields by which a list is ordered: a time first, which is what cursors hold, and one that tells ties apart.
    ordering: ClassVar[tuple[str, ...]]

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:  # noqa: ARG002
        return self.ordering

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get(self.page_size_query_param)
        if given is None:
            return self.page_size
        if given.isascii() and given.isdigit() and len(given) <= 3 and 1 <= int(given) <= PAGE_MAX:
            return int(given)
        raise InvalidFields([FieldProblem("limit", "range", f"must be a whole number from 1 to {PAGE_MAX}")])

    def decode_cursor(self, request: Request) -> Any:
        try:
            # DRF passes over what is no base64, and would take a damaged cursor for the first page.
            b64decode(request.query_params.get(self.cursor_query_param, "AA=="), validate=True)
            cursor = super().decode_cursor(request)
        except (NotFound, ValueError):
            raise self._bad_cursor from None
        if cursor is not None and cursor.position is not None:
            # DRF hands the position to the database unread; the cursors of this class are times.
            try:
                position = parse_datetime(cursor.position)
                readable = position is not None and position.tzinfo is not None and position.astimezone(UTC)
            except (ValueError, OverflowError):
                readable = False
            if not readable:
                raise self._bad_cursor from None
        return cursor

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] |= {"minimum": 1, "maximum": PAGE_MAX, "default": PAGE_DEFAULT}
        return parameters

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    @property
    def _bad_cursor(self) -> InvalidFields:
        return InvalidFields(
            [FieldProblem("cursor", "cursor", "must be taken from the next or previous link of a list")]
        )


class NewestStarted(NewestFirst):
    """Sessions."""

    ordering = ("-started_at", "-id")


class NewestCreated(NewestFirst):
    """Snapshots."""

    ordering = ("-created_at", "-id")
