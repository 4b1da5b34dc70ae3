"""One user of an installation, who speaks REST beside what happens in the browser."""

from __future__ import annotations

from typing import Any

from tests.e2e.stack import Stack

#: A short call: two speakers, and what else an annotator notices.
CALL: list[dict[str, Any]] = [
    {"event_type": "queue", "label": "hold music", "confidence": 0.9, "timestamp": 0.5},
    {
        "event_type": "tone",
        "label": "Warmly professional",
        "confidence": 0.88,
        "speaker_id": "Speaker B",
        "timestamp": 12,
        "valence": 0.4,
    },
    {
        "event_type": "tone",
        "label": "A little nervous",
        "confidence": 0.71,
        "speaker_id": "Speaker A",
        "timestamp": 17.3,
        "valence": -0.3,
        "subtext": "Getting ready to ask",
        "prosody_flags": ["fast start"],
    },
    {"event_type": "marker", "label": "question asked", "timestamp": 20},
    {"event_type": "tone", "label": "Relieved", "confidence": 0.84, "speaker_id": "Speaker A", "timestamp": 31.2},
]


def tone(label: str, seconds: float, speaker: str = "Speaker A") -> dict[str, Any]:
    return {"event_type": "tone", "label": label, "confidence": 0.8, "speaker_id": speaker, "timestamp": seconds}


class User:
    """Calls succeed, or the test fails."""

    def __init__(self, stack: Stack, token: str) -> None:
        self.stack, self.token = stack, token

    def call(self, method: str, path: str, body: Any = None, *, lease: str = "") -> dict[str, Any]:
        status, answer = self.stack.call(method, path, body, token=self.token, lease=lease)
        assert status < 300, (method, path, status, answer)
        return answer

    def start_anew(self) -> None:
        """Nothing live, nothing kept, no wishes."""
        for live in self.call("GET", "settings/panel/")["live"]:
            lease = self.call("POST", f"sessions/{live['id']}/attach/")["lease"]["token"]
            self.call("POST", f"sessions/{live['id']}/end/", lease=lease)
        for closed in self.call("GET", "sessions/?limit=100")["results"]:
            self.call("DELETE", f"sessions/{closed['id']}/")
        self.call("PATCH", "settings/", {"default_policy": "", "retention_days": None, "recent_limit": 10})

    def start(self, **body: Any) -> tuple[str, str]:
        """A fresh session: its id and its lease token."""
        started = self.call("POST", "sessions/", body)
        return started["id"], started["lease"]["token"]

    def append(self, session: str, lease: str, events: list[dict[str, Any]]) -> None:
        self.call("POST", f"sessions/{session}/events/", {"events": events}, lease=lease)

    def closed(
        self, events: list[dict[str, Any]] | None = None, speakers: dict[str, Any] | None = None, **body: Any
    ) -> dict[str, Any]:
        """A session that its user ended: the receipt."""
        session, lease = self.start(**body)
        self.append(session, lease, CALL if events is None else events)
        if speakers:
            self.call("PATCH", f"sessions/{session}/speakers/", {"speakers": speakers}, lease=lease)
        return self.call("POST", f"sessions/{session}/end/", lease=lease)

    def live(self) -> list[dict[str, Any]]:
        live: list[dict[str, Any]] = self.call("GET", "settings/panel/")["live"]
        return live

    def recent(self) -> list[dict[str, Any]]:
        recent: list[dict[str, Any]] = self.call("GET", "settings/panel/")["recent"]
        return recent
