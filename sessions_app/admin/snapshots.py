"""The snapshot pages. They live on this side of the house because what staff may do goes through its services."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import DELETION, LogEntry
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from sessions_app.admin.base import CONFIRMED, Deed, MetadataAdmin, Question, in_a_cell, page_link, request_time
from sessions_app.admin.filters import CreatedFilter, RetentionFilter
from sessions_app.admin.search import id_range
from sessions_app.admin.story import SnapshotStory
from sessions_app.errors import SnapshotNotFound
from sessions_app.models import ResumedSnapshot, Session
from sessions_app.services import staff
from sessions_app.services.retention import remove_as_staff
from sessions_app.services.tiers import resolve_plan
from sessions_app.wording import counted, moment_in_words
from snapshots.models import Snapshot

KEEP = Question(
    action="keep",
    title="Keep without an end?",
    explained=(
        "Each snapshot below is kept until its user deletes it or lets it go, or until their plan does not give this "
        "any more. Nothing in it changes, and still nobody but its user can read it.",
        "It can be let go again on its page: then it is kept for the usual time from that moment.",
    ),
    consequence=lambda snapshot: (
        "Kept without an end already. Nothing will happen."
        if snapshot.is_kept
        else f"It will be kept without an end. Until now: {snapshot.story.kept}."
    ),
    button="Keep without an end",
)

LET_GO = Question(
    action="let_go",
    title="Let go?",
    explained=(
        "Each snapshot below gets an end again: the usual time, counted from now. Then it is destroyed, its key first.",
        "Its user can keep it again until then, if their plan gives that.",
    ),
    consequence=lambda snapshot: (
        "It will be kept for the usual time from now."
        if snapshot.is_kept
        else f"It has an end already. Nothing will happen. {snapshot.story.kept}."
    ),
    button="Let go",
)

PURGE = Question(
    action="purge_now",
    title="Purge now?",
    explained=(
        "Each snapshot below is destroyed for good, its key first. Nobody can bring it back, neither its user nor you.",
        "Its session stays in the list, and says that support staff deleted what was kept. Sessions into which it was "
        "brought back keep their own events and lose its history.",
        "Do this only when its user asked for it. Users can delete their snapshots themselves, too.",
    ),
    consequence=lambda snapshot: (
        f"{counted(snapshot.event_count, 'event')} will be destroyed, for good. Until now: {snapshot.story.kept}."
    ),
    button="Destroy for good",
)


@admin.register(Snapshot)
class SnapshotAdmin(MetadataAdmin):
    list_title = "Snapshots"
    list_display = ["saved", "who", "events", "speakers", "stored", "kept", "session"]
    list_display_links = ["saved"]
    list_filter = [RetentionFilter, CreatedFilter]
    date_hierarchy = "created_at"
    search_fields = ["owner__username", "owner__email"]
    search_help_text = (
        "Username, e-mail address, or the id of a snapshot or of a session: whole, or its first 4 or more characters. "
        "All times are in UTC."
    )
    actions = ["keep", "let_go", "purge_now"]
    deeds = (
        Deed("keep", "Keep without an end…", lambda snapshot: not snapshot.is_kept and not snapshot.story.is_over),
        Deed("let_go", "Let go…", lambda snapshot: snapshot.is_kept),
        Deed("purge_now", "Purge now…", lambda _: True, is_grave=True),
    )
    fieldsets = [
        (None, {"fields": ["in_short"]}),
        ("The snapshot", {"fields": ["user", "session", "conversation", "events", "speakers", "stored"]}),
        ("What is kept", {"fields": ["kept", "saved", "resumed_by"]}),
        ("For the operators", {"fields": ["id", "owner_id", "labels_revision"]}),
    ]
    readonly_fields = [name for _, options in fieldsets for name in options["fields"]]

    # --- what is fetched -----------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related("owner")
        return rows.defer("annotations", "labels", "owner__password")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, duplicates = super().get_search_results(request, queryset, search_term)
        ids = id_range(search_term)
        if ids is not None:
            found |= queryset.filter(Q(pk__range=ids) | Q(session_id__range=ids))
        return found, duplicates

    def tell(self, found: list[Any], *, now: datetime) -> None:
        for snapshot in found:
            snapshot.story = SnapshotStory(snapshot, now)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        snapshot = super().get_object(request, object_id, from_field)
        if snapshot is not None:
            snapshot.plan_now = resolve_plan(user_id=snapshot.owner_id, now=request_time(request))
        return snapshot

    # --- columns and fields --------------------------------------------------------------------------

    @admin.display(description="Saved", ordering="created_at")
    def saved(self, obj: Snapshot) -> str:
        return in_a_cell(moment_in_words(obj.created_at))

    @admin.display(description="User", ordering="owner__username")
    def who(self, obj: Snapshot) -> str:
        return str(obj.owner)

    @admin.display(description="Events", ordering="event_count")
    def events(self, obj: Snapshot) -> str:
        return f"{obj.event_count:,}"

    @admin.display(description="Speakers", ordering="speaker_count")
    def speakers(self, obj: Snapshot) -> str:
        return f"{obj.speaker_count}"

    @admin.display(description="Size, sealed", ordering="size")
    def stored(self, obj: Snapshot) -> str:
        return filesizeformat(obj.size)

    @admin.display(description="Kept", ordering="expires_at")
    def kept(self, obj: Any) -> str:
        return in_a_cell(obj.story.kept)

    @admin.display(description="Session")
    def session(self, obj: Snapshot) -> SafeString:
        return page_link(Session, obj.session_id)

    @admin.display(description="In short")
    def in_short(self, obj: Any) -> str:
        return str(obj.story.in_short(obj.plan_now))

    @admin.display(description="User")
    def user(self, obj: Snapshot) -> SafeString:
        return page_link(type(obj.owner), obj.owner_id, f"{obj.owner} {obj.owner.email}".strip())

    @admin.display(description="Conversation")
    def conversation(self, obj: Snapshot) -> str:
        return f"From {moment_in_words(obj.started_at)} to {moment_in_words(obj.ended_at)}"

    @admin.display(description="Resumed in")
    def resumed_by(self, obj: Snapshot) -> str:
        links = ResumedSnapshot.objects.filter(snapshot_id=obj.pk)
        found = [(page_link(Session, link.session_id), moment_in_words(link.imported_at)) for link in links]
        return format_html_join("; ", "{} on {}", found) if found else "None"

    # --- deeds ---------------------------------------------------------------------------------------

    def has_keep_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("snapshots.keep_snapshot")

    def has_purge_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("snapshots.purge_snapshot")

    @admin.action(description="Keep without an end", permissions=["keep"])
    def keep(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        found = self.chosen(request, queryset)
        if not found:
            return None
        if CONFIRMED not in request.POST:
            return self.ask(request, found, KEEP)

        def keep_one(snapshot: Snapshot) -> str:
            had_an_end = staff.keep_as_staff(snapshot_id=snapshot.pk, now=request_time(request))
            return "Kept without an end." if had_an_end else "It was kept without an end already."

        return self.do(request, found, keep_one, done="kept without an end")

    @admin.action(description="Let go, so that it has an end again", permissions=["keep"])
    def let_go(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        found = self.chosen(request, queryset)
        if not found:
            return None
        if CONFIRMED not in request.POST:
            return self.ask(request, found, LET_GO)

        def let_one_go(snapshot: Snapshot) -> str:
            released = staff.let_go_as_staff(snapshot_id=snapshot.pk, now=request_time(request))
            return f"Let go. {SnapshotStory(released, request_time(request)).kept}."

        return self.do(request, found, let_one_go, done="let go")

    @admin.action(description="Purge now", permissions=["purge"])
    def purge_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        found = self.chosen(request, queryset)
        if not found:
            return None
        if CONFIRMED not in request.POST:
            return self.ask(request, found, PURGE)

        def purge(snapshot: Snapshot) -> str:
            if not remove_as_staff(snapshot_id=snapshot.pk, now=request_time(request)):
                raise SnapshotNotFound("It was deleted meanwhile.")
            return f"Purged, {counted(snapshot.event_count, 'event')} destroyed."

        return self.do(request, found, purge, done="purged", note=self._note_purge)

    def _note_purge(self, request: HttpRequest, snapshot: Snapshot, outcome: str) -> None:
        # A deletion, not a change: no link in the list of recent actions may lead to what is gone.
        LogEntry.objects.log_actions(
            user_id=request.user.pk,
            queryset=[snapshot],
            action_flag=DELETION,
            change_message=outcome,
            single_object=True,
        )
        # The session's page stays, so its history is where somebody will look for who did this.
        for session in Session.objects.filter(pk=snapshot.session_id).only("pk"):
            self.log_change(request, session, f"Snapshot {snapshot.pk} purged.")
