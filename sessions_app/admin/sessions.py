"""The session pages: what happened, what is kept, and what the user can do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from sessions_app.admin.base import CONFIRMED, Deed, MetadataAdmin, Question, in_a_cell, page_link, request_time
from sessions_app.admin.filters import (
    KeptFilter,
    PolicyFilter,
    ReasonFilter,
    StartedFilter,
    StateFilter,
    TroubleFilter,
)
from sessions_app.admin.search import id_range
from sessions_app.admin.story import SessionStory, Standing, lease_in_words, plan_in_words
from sessions_app.models import ResumedSnapshot, Session
from sessions_app.services import staff
from sessions_app.services.tiers import resolve_plan
from sessions_app.wording import close_error_in_words, counted, length_in_words, moment_in_words
from snapshots.models import Snapshot

#: What these pages never fetch: sealed labels, the lease, what the call was about and how it was set up.
UNSEEN = ("labels", "token_mac", "topic", "settings", "owner__password")

END = Question(
    action="end_now",
    title="End now?",
    explained=(
        "Each session below ends now, for every device that is connected to it. Its user is told that support staff "
        "ended it, unless its time was over already.",
        "A pinned session is saved first: its user can bring it back later. A private or ephemeral session keeps "
        "nothing: its events are destroyed, and nobody can bring them back.",
    ),
    consequence=lambda session: _consequence_of_ending(session.story),
    button="End now",
)


def _consequence_of_ending(story: SessionStory) -> str:
    events = counted(story.session.last_seq, "event")
    if story.standing is Standing.CLOSED:
        return "Closed already. Nothing will happen."
    if not story.is_saved_on_close:
        return format_html("<strong>{} will be destroyed, for good:</strong> it is {}.", events, story.session.policy)
    if story.standing is Standing.LIVE:
        return f"{events} will be saved."
    return f"Over already; {events} will be saved now. If that fails, it stays as it is."


@admin.register(Session)
class SessionAdmin(MetadataAdmin):
    list_title = "Sessions"
    list_display = ["started", "who", "status", "policy", "events", "kept"]
    list_display_links = ["started"]
    list_filter = [StateFilter, TroubleFilter, StartedFilter, KeptFilter, ReasonFilter, PolicyFilter]
    date_hierarchy = "started_at"
    search_fields = ["owner__username", "owner__email"]
    search_help_text = (
        "Username, e-mail address, or the id of a session or of a snapshot: whole, or its first 4 or more characters. "
        "All times are in UTC."
    )
    actions = ["end_now", "release"]
    deeds = (
        Deed("end_now", "End now…", lambda session: session.story.standing is not Standing.CLOSED, is_grave=True),
        Deed("release", "Release from quarantine", lambda session: session.story.standing is Standing.QUARANTINED),
    )

    # --- what is fetched -----------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("owner").defer(*UNSEEN)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, duplicates = super().get_search_results(request, queryset, search_term)
        ids = id_range(search_term)
        if ids is None:
            return found, duplicates
        of_snapshot = Snapshot.objects.filter(pk__range=ids).values("session_id")
        # A snapshot that is gone is still named where it was brought back.
        of_resumed = ResumedSnapshot.objects.filter(snapshot_id__range=ids).values("source_session_id")
        by_id = Q(pk__range=ids) | Q(pk__in=of_snapshot) | Q(pk__in=of_resumed)
        return found | queryset.filter(by_id), duplicates

    def tell(self, found: list[Any], *, now: datetime) -> None:
        snapshots = staff.snapshots_of(found)
        for session in found:
            session.story = SessionStory(session, snapshots.get(session.pk), now)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        session = super().get_object(request, object_id, from_field)
        if session is not None:
            session.plan_now = resolve_plan(user_id=session.owner_id, now=request_time(request))
        return session

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        return [
            (None, {"fields": ["in_short"]}),
            ("The session", {"fields": ["user", "began", "ended", "policy_meaning", "plan", "events", "speakers"]}),
            (
                "What is kept",
                {"fields": ["kept", "snapshot", "resumes", "resumed_by"]},
            ),
            *([("Trouble", {"fields": ["trouble", "cause"]})] if obj and obj.story.trouble else []),
            (
                "The clocks",
                {
                    "fields": ["last_activity", "idle_clock", "hard_clock", "lease"],
                    "description": "A live session closes when the first of the two clocks runs out. Only what is "
                    "said, or what the user does, counts as activity; an open page alone does not.",
                },
            ),
            ("For the operators", {"fields": ["id", "owner_id", "tenant", "state", "close_reason", "looked_at"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for _, options in self.get_fieldsets(request, obj) for name in options["fields"]]

    # --- columns and fields --------------------------------------------------------------------------

    @admin.display(description="Started", ordering="started_at")
    def started(self, obj: Session) -> str:
        return in_a_cell(moment_in_words(obj.started_at))

    @admin.display(description="User", ordering="owner__username")
    def who(self, obj: Session) -> str:
        return str(obj.owner)

    @admin.display(description="What it is now")
    def status(self, obj: Any) -> str:
        return in_a_cell(obj.story.status)

    @admin.display(description="Events", ordering="last_seq")
    def events(self, obj: Session) -> str:
        return f"{obj.last_seq:,}"

    @admin.display(description="What is kept")
    def kept(self, obj: Any) -> str:
        return in_a_cell(obj.story.kept)

    @admin.display(description="In short")
    def in_short(self, obj: Any) -> str:
        return str(obj.story.in_short(obj.plan_now))

    @admin.display(description="User")
    def user(self, obj: Session) -> SafeString:
        return page_link(type(obj.owner), obj.owner_id, f"{obj.owner} {obj.owner.email}".strip())

    @admin.display(description="Started")
    def began(self, obj: Session) -> str:
        return moment_in_words(obj.started_at)

    @admin.display(description="Now")
    def ended(self, obj: Any) -> str:
        return f"{obj.story.status}. It lasted {length_in_words(obj.duration)}." if obj.is_closed else obj.story.status

    @admin.display(description="Policy")
    def policy_meaning(self, obj: Any) -> str:
        return f"{obj.policy}: {'saved when it closes' if obj.story.is_saved_on_close else 'nothing is kept'}"

    @admin.display(description="Plan")
    def plan(self, obj: Any) -> str:
        return f"{obj.tier} when it started, {plan_in_words(obj.plan_now)}"

    @admin.display(description="Speakers")
    def speakers(self, obj: Session) -> str:
        return f"{obj.speaker_count}" if obj.is_closed else "Counted when it closes"

    @admin.display(description="Snapshot")
    def snapshot(self, obj: Any) -> str:
        return page_link(Snapshot, obj.story.snapshot.pk) if obj.story.snapshot else "None"

    @admin.display(description="Resumed from")
    def resumes(self, obj: Session) -> str:
        return _links((link.source_session_id, link.imported_at) for link in obj.resumed.all())

    @admin.display(description="Resumed in")
    def resumed_by(self, obj: Session) -> str:
        links = ResumedSnapshot.objects.filter(source_session_id=obj.pk)
        return _links((link.session_id, link.imported_at) for link in links)

    @admin.display(description="What happened")
    def trouble(self, obj: Any) -> str:
        return str(obj.story.trouble)

    @admin.display(description="Cause")
    def cause(self, obj: Session) -> str:
        return "It is gone." if obj.is_closed else close_error_in_words(obj.close_error)

    @admin.display(description="Last activity")
    def last_activity(self, obj: Session) -> str:
        return moment_in_words(obj.last_activity_at)

    @admin.display(description="Idle clock")
    def idle_clock(self, obj: Any) -> str:
        return str(obj.story.idle_clock)

    @admin.display(description="Longest time")
    def hard_clock(self, obj: Any) -> str:
        return str(obj.story.hard_clock)

    @admin.display(description="Lease epoch")
    def lease(self, obj: Session) -> str:
        return lease_in_words(obj)

    @admin.display(description="Sweep looks at it")
    def looked_at(self, obj: Session) -> str:
        return "Never again: it is closed" if obj.is_closed else moment_in_words(obj.sweep_after)

    # --- deeds ---------------------------------------------------------------------------------------

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("sessions_app.end_session")

    def has_release_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("sessions_app.release_session")

    @admin.action(description="End now, saving the snapshot", permissions=["end"])
    def end_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        found = self.chosen(request, queryset)
        if not found:
            return None
        if CONFIRMED not in request.POST:
            return self.ask(request, found, END)
        now = request_time(request)

        def end(session: Session) -> str:
            ended = staff.end_as_staff(session_id=session.pk, now=now)
            events = counted(ended.last_seq, "event")
            return f"Ended, {events} {'saved' if SessionStory(ended, None, now).is_saved_on_close else 'destroyed'}."

        return self.do(request, found, end, done="ended")

    @admin.action(description="Release from quarantine", permissions=["release"])
    def release(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        found = self.chosen(request, queryset)

        def let_go(session: Session) -> str:
            staff.release_from_quarantine(session_id=session.pk, now=request_time(request))
            return "Released from quarantine. Closing it is tried again within a minute or so."

        return self.do(request, found, let_go, done="released") if found else None


def _links(sources: Any) -> str:
    found = [(page_link(Session, pk), moment_in_words(moment)) for pk, moment in sources]
    return format_html_join("; ", "{} on {}", found) if found else "None"
