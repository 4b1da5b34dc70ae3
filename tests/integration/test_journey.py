"""A session's whole life over REST."""

from tests.integration.conftest import TONES, Api, problem


def test_pinned_session_survives_its_end(paid: Api) -> None:
    started = paid.post("sessions/", {"topic": "call-1", "elcor": True}).json()
    assert started["policy"] == "pinned"
    assert started["lease"]["token"].startswith("lns_")
    session, lease = started["id"], started["lease"]["token"]

    appended = paid.append(session, lease, [*TONES, {"event_type": "transcript", "text": "hello", "timestamp": 4}])
    assert appended.status_code == 201
    assert appended.json()["first_seq"] == 1
    assert appended.json()["last_seq"] == 3
    assert appended.json()["withheld"] == {"transcript": 1}

    labels = {"Speaker A": {"name": "Zoë", "colour": "#aabbcc"}}
    assert paid.patch(f"sessions/{session}/speakers/", {"speakers": labels}, lease=lease).json() == {"speakers": labels}

    history = paid.get(f"sessions/{session}/events/").json()
    assert history["events"] == [{"seq": n, **event} for n, event in enumerate(TONES, 1)]

    receipt = paid.post(f"sessions/{session}/end/", lease=lease).json()
    assert receipt["events"] == 3
    assert receipt["speakers"] == 2
    assert receipt["withheld"] == {"transcript": 1}
    assert paid.post(f"sessions/{session}/end/", lease=lease).json() == receipt
    assert paid.get(f"sessions/{session}/receipt/").json() == receipt

    snapshot = receipt["snapshot"]["id"]
    content = paid.get(f"snapshots/{snapshot}/content/?as=json").json()
    assert content["events"] == history["events"]
    assert content["speakers"] == labels
    assert content["settings"] == {"elcor": True}

    late = problem(paid.append(session, lease), 410, "E-SESSION-001")
    assert late["snapshot"]["id"] == snapshot
    assert late["close_reason"] == "ended"
    assert late["detail"] == "You ended this session. What was kept of it can be brought back."

    imported = paid.post(f"snapshots/{snapshot}/import/")
    assert imported.status_code == 201, imported.content
    back = imported.json()
    assert back["resumed_from"]["snapshot"] == snapshot
    assert back["resumed_from"]["events"] == 3
    assert back["settings"] == {"elcor": True}
    detail = paid.get(f"sessions/{back['id']}/").json()
    assert detail["labels"] == labels
    assert paid.get("settings/panel/").json()["live"][0]["id"] == back["id"]
    assert paid.get("sessions/").json()["results"][1]["snapshot"] == receipt["snapshot"]
