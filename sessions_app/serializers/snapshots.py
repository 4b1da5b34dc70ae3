"""What is answered about snapshots: their metadata, and the user's own export."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from sessions_app.serializers.events import StoredEventsField
from sessions_app.serializers.inputs import SpeakerLabel
from sessions_app.services.reading import Export
from snapshots.models import Snapshot

SESSIONS = "/api/v1/sessions"
SNAPSHOTS = "/api/v1/snapshots"


class CallSettingsOutput(serializers.Serializer[Any]):
    """Linnet's own settings of a call: those that were chosen."""

    elcor = serializers.BooleanField(required=False)
    window_ms = serializers.IntegerField(required=False)
    num_speakers = serializers.IntegerField(required=False)
    transcribe_lang = serializers.CharField(required=False)
    target_lang = serializers.CharField(required=False)


@extend_schema_field(CallSettingsOutput)
class SettingsField(serializers.DictField):
    """Linnet's own settings of a call, as they were chosen."""


@extend_schema_field(serializers.DictField(child=SpeakerLabel()))
class LabelsField(serializers.DictField):
    """Names and colours by speaker id."""


class SnapshotBrief(serializers.ModelSerializer[Snapshot]):
    """Which snapshot, and until when; null: it is kept without an end."""

    class Meta:
        model = Snapshot
        fields = ["id", "expires_at"]
        read_only_fields = fields


class SnapshotOutput(serializers.ModelSerializer[Snapshot]):
    """A snapshot's metadata."""

    session = serializers.UUIDField(source="session_id")
    events = serializers.IntegerField(source="event_count")
    speakers = serializers.IntegerField(source="speaker_count")
    kept = serializers.BooleanField(source="is_kept")
    size_bytes = serializers.IntegerField(source="size")
    links = serializers.SerializerMethodField()

    class Meta:
        model = Snapshot
        fields = [
            "id",
            "session",
            "events",
            "speakers",
            "size_bytes",
            "started_at",
            "ended_at",
            "created_at",
            "expires_at",
            "kept",
            "links",
        ]
        read_only_fields = fields

    def get_links(self, snapshot: Snapshot) -> dict[str, str]:
        own = f"{SNAPSHOTS}/{snapshot.pk}/"
        return {
            "self": own,
            "session": f"{SESSIONS}/{snapshot.session_id}/",
            "content": f"{own}content/",
            "import": f"{own}import/",
        }


class ContentHead(serializers.Serializer[Export]):
    """The user's own export, but for its events."""

    snapshot = serializers.UUIDField()
    session = serializers.UUIDField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    settings = SettingsField()
    speakers = LabelsField()


class ContentOutput(ContentHead):
    """The user's own export."""

    events = StoredEventsField()


def content_json(export: Export) -> bytes:
    """An export as JSON. The events are JSON already, and a long call has tens of thousands: they are only numbered."""
    head = JSONRenderer().render(ContentHead(export).data)
    return head[:-1] + b',"events":[' + b",".join(export.content.numbered_lines(1)) + b"]}"
