"""The questions that lists answer: how it stands, why it closed, what is kept, when it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from sessions_app.admin.base import request_time
from sessions_app.lease import CloseReason, Policy, State
from sessions_app.models import SessionQuerySet
from snapshots.models import Snapshot

Choice = tuple[str, Callable[[Any, datetime], QuerySet[Any]]]


class WordsFilter(admin.SimpleListFilter):
    """A filter of named choices. Each narrows the list, knowing the moment of the request."""

    choices_by_value: ClassVar[dict[str, Choice]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(value, words) for value, (words, _) in self.choices_by_value.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.choices_by_value.get(self.value() or "")
        return chosen[1](queryset, request_time(request)) if chosen else queryset


class StateFilter(WordsFilter):
    title = "state"
    parameter_name = "state"
    choices_by_value = {
        "live": ("Live", lambda rows, now: rows.live_at(now)),
        "over": ("Over, not closed yet", lambda rows, now: rows.overdue_at(now)),
        "closed": ("Closed", lambda rows, _: rows.filter(state=State.CLOSED)),
    }


class TroubleFilter(WordsFilter):
    title = "trouble"
    parameter_name = "trouble"
    choices_by_value = {
        "any": ("Any that lasts", lambda rows, _: _troubled(rows)),
        "put_off": ("Tried again by itself", lambda rows, _: _troubled(rows).filter(quarantined_at__isnull=True)),
        "quarantined": ("In quarantine", lambda rows, _: rows.filter(quarantined_at__isnull=False)),
    }


def _troubled(rows: SessionQuerySet) -> SessionQuerySet:
    return rows.filter(state=State.ACTIVE, close_failed_at__isnull=False)


class ReasonFilter(WordsFilter):
    title = "why it closed"
    parameter_name = "why"
    words: ClassVar[dict[CloseReason, str]] = {
        CloseReason.ENDED: "The user ended it",
        CloseReason.IDLE: "Nothing happened",
        CloseReason.DETACHED: "Nobody was connected",
        CloseReason.MAX_LIFETIME: "Longest time reached",
        CloseReason.SUPERSEDED: "Another took its place",
        CloseReason.INTERRUPTED: "Service interrupted",
        CloseReason.ERROR: "Fault in the service",
        CloseReason.STAFF: "Support staff ended it",
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(reason.value, words) for reason, words in self.words.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        return queryset.filter(close_reason=self.value()) if self.value() else queryset


class PolicyFilter(WordsFilter):
    title = "policy"
    parameter_name = "policy"
    choices_by_value = {
        Policy.PINNED.value: ("pinned: saved", lambda rows, _: rows.filter(policy=Policy.PINNED)),
        Policy.EPHEMERAL.value: ("ephemeral: not saved", lambda rows, _: rows.filter(policy=Policy.EPHEMERAL)),
        Policy.PRIVATE.value: ("private: not saved", lambda rows, _: rows.filter(policy=Policy.PRIVATE)),
    }


def _with_snapshot(rows: QuerySet[Any], **wanted: Any) -> QuerySet[Any]:
    return rows.filter(Exists(Snapshot.objects.filter(session_id=OuterRef("pk"), **wanted)))


def _time_over(rows: QuerySet[Any], now: datetime) -> QuerySet[Any]:
    past = Snapshot.objects.expired_at(now).filter(session_id=OuterRef("pk"))
    return rows.filter(Q(snapshot_removed_because="expired") | Exists(past))


def _never_kept(rows: QuerySet[Any]) -> QuerySet[Any]:
    keeping = [policy.value for policy in Policy if policy.keeps_snapshot]
    return rows.filter(state=State.CLOSED).exclude(policy__in=keeping)


class KeptFilter(WordsFilter):
    """Of sessions."""

    title = "what is kept"
    parameter_name = "kept"
    choices_by_value = {
        "until": ("A snapshot, until a date", lambda rows, now: _with_snapshot(rows, expires_at__gt=now)),
        "always": ("A snapshot, without an end", lambda rows, _: _with_snapshot(rows, expires_at__isnull=True)),
        "over": ("Nothing: its time is over", _time_over),
        "user": ("Nothing: deleted by the user", lambda rows, _: rows.filter(snapshot_removed_because="user")),
        "staff": ("Nothing: deleted by staff", lambda rows, _: rows.filter(snapshot_removed_because="staff")),
        "never": ("Nothing: private or ephemeral", lambda rows, _: _never_kept(rows)),
        "later": ("Not closed yet", lambda rows, _: rows.filter(state=State.ACTIVE)),
    }


class RetentionFilter(WordsFilter):
    """Of snapshots."""

    title = "how long it is kept"
    parameter_name = "kept"
    choices_by_value = {
        "until": ("Until a date", lambda rows, now: rows.filter(expires_at__gt=now)),
        "soon": (
            "Less than 3 days more",
            lambda rows, now: rows.filter(expires_at__gt=now, expires_at__lt=now + timedelta(days=3)),
        ),
        "always": ("Without an end", lambda rows, _: rows.filter(expires_at__isnull=True)),
        "over": ("Time is over", lambda rows, now: rows.expired_at(now)),
    }


class _DayFilter(WordsFilter):
    """By day, in UTC as everywhere on these pages."""

    field = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("today", "Today"), ("yesterday", "Yesterday"), ("7", "Last 7 days"), ("30", "Last 30 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        today = request_time(request).replace(hour=0, minute=0, second=0, microsecond=0)
        day = timedelta(days=1)
        span = {
            "today": (today, today + day),
            "yesterday": (today - day, today),
            "7": (today - 6 * day, today + day),
            "30": (today - 29 * day, today + day),
        }.get(self.value() or "")
        return queryset.filter(**{f"{self.field}__gte": span[0], f"{self.field}__lt": span[1]}) if span else queryset


class StartedFilter(_DayFilter):
    title = "started (UTC)"
    parameter_name = "started"
    field = "started_at"


class CreatedFilter(_DayFilter):
    title = "saved (UTC)"
    parameter_name = "saved"
    field = "created_at"
