"""What is answered. Metadata only, but for the history, the labels and the export of the user's own content."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from sessions_app.lease import Policy
from sessions_app.models import Preferences, ResumedSnapshot, Session
from sessions_app.serializers.events import StoredEventsField
from sessions_app.serializers.snapshots import SESSIONS, SNAPSHOTS, LabelsField, SettingsField, SnapshotBrief
from sessions_app.services.journal import Appended, History
from sessions_app.services.panel import Kept, Panel
from sessions_app.services.receipts import Receipt
from sessions_app.services.sessions import Lease
from sessions_app.services.tickets import Issued
from sessions_app.wording import ended_in_words, hard_clock_reason, idle_clock_reason, kept_because


class LeaseOutput(serializers.Serializer[Lease]):
    """The right to write. ``token`` is shown once; null where the one already held stays valid."""

    token = serializers.CharField(allow_null=True)
    epoch = serializers.IntegerField(source="session.epoch")
    expires_at = serializers.DateTimeField(source="session.expires_at")
    hard_expires_at = serializers.DateTimeField(source="session.hard_expires_at")


class ResumedFromOutput(serializers.ModelSerializer[ResumedSnapshot]):
    """An earlier session's history that is shown in this one, with a break in the timeline after ``after_seq``."""

    snapshot = serializers.UUIDField(source="snapshot_id")
    session = serializers.UUIDField(source="source_session_id")
    content_url = serializers.SerializerMethodField()

    class Meta:
        model = ResumedSnapshot
        fields = ["snapshot", "session", "events", "after_seq", "imported_at", "content_url"]
        read_only_fields = fields

    def get_content_url(self, link: ResumedSnapshot) -> str:
        return f"{SNAPSHOTS}/{link.snapshot_id}/content/"


class StartedOutput(serializers.Serializer[Lease]):
    """The answer to a start."""

    id = serializers.UUIDField(source="session.id")
    state = serializers.CharField(source="session.state")
    policy = serializers.CharField(source="session.policy")
    tier = serializers.CharField(source="session.tier")
    topic = serializers.CharField(source="session.topic")
    settings = SettingsField(source="session.settings")
    stt_active = serializers.BooleanField(source="session.stt_active")
    started_at = serializers.DateTimeField(source="session.started_at")
    resumed = serializers.BooleanField()
    lease = LeaseOutput(source="*")


class ImportedOutput(StartedOutput):
    """The answer to an import: as a start, and what the session goes on from."""

    resumed_from = ResumedFromOutput()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {
            **StartedOutput(instance.lease).data,
            "resumed_from": ResumedFromOutput(instance.link).data,
        }


class SessionOutput(serializers.ModelSerializer[Session]):
    """A session's metadata, as a list shows it."""

    events = serializers.IntegerField(source="last_seq")
    speakers = serializers.IntegerField(source="speaker_count", help_text="Counted when the session closes.")
    close_reason = serializers.SerializerMethodField()
    ended_because = serializers.SerializerMethodField()

    class Meta:
        model = Session
        fields = [
            "id",
            "state",
            "policy",
            "tier",
            "topic",
            "started_at",
            "last_activity_at",
            "closed_at",
            "close_reason",
            "ended_because",
            "events",
            "speakers",
        ]
        read_only_fields = fields

    def get_close_reason(self, session: Session) -> str | None:
        return session.close_reason or None

    def get_ended_because(self, session: Session) -> str | None:
        return ended_in_words(session.close_reason) if session.close_reason else None


class KeptOutput(serializers.Serializer[Kept]):
    """A session, and what is kept of it."""

    session = SessionOutput()
    snapshot = SnapshotBrief(allow_null=True)
    kept_because = serializers.SerializerMethodField()

    def get_kept_because(self, kept: Kept) -> str | None:
        if not kept.session.is_closed:
            return None
        return kept_because(
            kept.session.policy,
            kept.session.close_reason,
            has_snapshot=kept.snapshot is not None,
            expires_at=kept.snapshot.expires_at if kept.snapshot else None,
            removed=kept.session.snapshot_removed_because,
        )


class ListedSession(SessionOutput):
    """A session in a list, and what is kept of it."""

    snapshot = SnapshotBrief(allow_null=True)
    kept_because = serializers.CharField(allow_null=True)

    class Meta(SessionOutput.Meta):
        fields = [*SessionOutput.Meta.fields, "snapshot", "kept_because"]
        read_only_fields = fields

    @cached_property
    def _kept(self) -> KeptOutput:
        # One for all rows of a list: making its fields costs more than filling them.
        return KeptOutput()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        kept = dict(self._kept.to_representation(instance))
        return {**kept.pop("session"), **kept}


class Clock(serializers.Serializer[Any]):
    """When it runs out, and why then."""

    at = serializers.DateTimeField()
    because = serializers.CharField()


class Clocks(serializers.Serializer[Any]):
    """The two clocks of a live session, and the deadline, which is the earlier of them."""

    idle = Clock()
    hard = Clock()
    expires_at = serializers.DateTimeField()


class LiveOutput(SessionOutput):
    """A live session, with its two clocks."""

    clocks = serializers.SerializerMethodField()

    class Meta(SessionOutput.Meta):
        fields = [*SessionOutput.Meta.fields, "clocks"]
        read_only_fields = fields

    @extend_schema_field(Clocks(allow_null=True))
    def get_clocks(self, session: Session) -> dict[str, Any] | None:
        if session.is_closed:
            return None
        lifetime = session.hard_expires_at - session.started_at
        return {
            "idle": {
                "at": _time(session.last_activity_at + session.idle_timeout),
                "because": idle_clock_reason(session.policy, session.idle_timeout),
            },
            "hard": {"at": _time(session.hard_expires_at), "because": hard_clock_reason(lifetime)},
            "expires_at": _time(session.expires_at),
        }


class SessionDetail(LiveOutput):
    """Everything about one session but its events."""

    settings = SettingsField()
    labels = LabelsField(help_text="Names and colours by speaker id, of a live session.")
    snapshot = SnapshotBrief(allow_null=True)
    kept_because = serializers.CharField(allow_null=True)
    resumed_from = ResumedFromOutput(many=True)
    links = serializers.DictField(child=serializers.CharField())

    class Meta(LiveOutput.Meta):
        fields = [
            *LiveOutput.Meta.fields,
            "settings",
            "stt_active",
            "epoch",
            "labels",
            "snapshot",
            "kept_because",
            "resumed_from",
            "links",
        ]
        read_only_fields = fields

    def to_representation(self, instance: Any) -> dict[str, Any]:
        session = instance.kept.session
        own = LiveOutput(session).data
        kept = dict(KeptOutput(instance.kept).data)
        del kept["session"]
        return {
            **own,
            "settings": session.settings,
            "stt_active": session.stt_active,
            "epoch": session.epoch,
            "labels": instance.labels,
            **kept,
            "resumed_from": ResumedFromOutput(instance.resumed, many=True).data,
            "links": _links(session),
        }


def _links(session: Session) -> dict[str, str]:
    own = f"{SESSIONS}/{session.pk}/"
    actions = ["receipt"] if session.is_closed else ["events", "touch", "attach", "speakers", "end"]
    return {"self": own} | {action: f"{own}{action}/" for action in actions}


class AppendedOutput(serializers.Serializer[Appended]):
    """What was stored. The numbers are null when all was withheld; ``withheld`` counts what is never stored."""

    first_seq = serializers.IntegerField(allow_null=True)
    last_seq = serializers.IntegerField(allow_null=True)
    accepted = serializers.IntegerField()
    withheld = serializers.DictField(child=serializers.IntegerField())
    expires_at = serializers.DateTimeField()


class TouchedOutput(serializers.ModelSerializer[Session]):
    """The deadline after a touch."""

    class Meta:
        model = Session
        fields = ["last_activity_at", "expires_at", "hard_expires_at"]
        read_only_fields = fields


class HistoryOutput(serializers.Serializer[History]):
    """A page of events. Ask again with ``after`` = ``next_after`` until it equals ``last_seq``."""

    events = StoredEventsField()
    last_seq = serializers.IntegerField()
    next_after = serializers.IntegerField()
    resumed_from = ResumedFromOutput(source="resumed", many=True)


class LabelsOutput(serializers.Serializer[Any]):
    """All labels after a change."""

    speakers = LabelsField()


class ReceiptOutput(serializers.Serializer[Receipt]):
    """What was saved of a session, until when, why, and how to bring it back or remove it."""

    session = serializers.UUIDField(source="session.id")
    close_reason = serializers.CharField(source="session.close_reason")
    ended_because = serializers.SerializerMethodField()
    closed_at = serializers.DateTimeField(source="session.closed_at")
    events = serializers.IntegerField(source="session.last_seq")
    speakers = serializers.IntegerField(source="session.speaker_count")
    withheld = serializers.DictField(child=serializers.IntegerField(), allow_null=True)
    snapshot = SnapshotBrief(allow_null=True)
    kept_because = serializers.CharField()
    resume_url = serializers.SerializerMethodField()
    erase_url = serializers.SerializerMethodField()

    def get_ended_because(self, receipt: Receipt) -> str:
        return ended_in_words(receipt.session.close_reason)

    def get_resume_url(self, receipt: Receipt) -> str | None:
        return f"{SNAPSHOTS}/{receipt.snapshot.pk}/import/" if receipt.snapshot else None

    def get_erase_url(self, receipt: Receipt) -> str:
        return f"{SESSIONS}/{receipt.session.pk}/"


class TicketOutput(serializers.Serializer[Issued]):
    """A ticket for a session's stream: shown once, good for one use."""

    ticket = serializers.CharField()
    expires_at = serializers.DateTimeField()


class PreferencesOutput(serializers.ModelSerializer[Preferences]):
    """The user's preferences."""

    default_policy = serializers.ChoiceField(
        [policy.value for policy in Policy], allow_blank=True, help_text="Empty: what the plan gives."
    )

    class Meta:
        model = Preferences
        fields = ["default_policy", "retention_days", "recent_limit", "notice_lead_s"]
        read_only_fields = fields


class PanelOutput(serializers.Serializer[Panel]):
    """Everything the settings panel shows."""

    tier = serializers.CharField(source="plan.tier")
    preferences = PreferencesOutput()
    live = LiveOutput(many=True)
    recent = KeptOutput(many=True)
    storage_bytes = serializers.IntegerField()


def _time(value: Any) -> Any:
    return serializers.DateTimeField().to_representation(value)
