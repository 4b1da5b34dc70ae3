"""deploy/nginx.conf, run by nginx over TLS before real web processes: where requests go, as whose, what is logged."""

from __future__ import annotations

import json
import secrets
import socket
import ssl
import time
from contextlib import closing
from http.client import HTTPConnection

import pytest

from tests.e2e.front_end import Answer
from tests.production.behind import PAGE, SCRIPT, Behind, refused
from tests.production.cloud import browser, login
from tests.production.proxy import CLIENT, NAME

pytestmark = pytest.mark.production

CANARY = f"kanarie-{secrets.token_hex(8)}"


def plain(port: int, method: str, path: str) -> tuple[int, str | None]:
    """A request without TLS, which says that it came by TLS: status and Location."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request(method, path, headers={"Host": NAME, "X-Forwarded-Proto": "https"})
        response = connection.getresponse()
        return response.status, response.getheader("Location")


def test_nginx_has_nothing_against_the_example(behind: Behind) -> None:
    assert behind.proxy.complaints() == []


def test_each_path_goes_where_the_table_says(behind: Behind) -> None:
    sent, _, session = behind.begin()

    def get(path: str) -> Answer:
        return behind.proxy.call("GET", path, headers=sent)

    for path in ("/", "/index.html", "/some/page", "/sessionx", "/healthy", "/apis/v1", "/statics/x", "/developer"):
        assert get(path).body == PAGE, path
    assert get("/app.js").body == SCRIPT
    for path in ("/corrections", "/corrections/a%2Fb%20c?d=%2F", "/samples", "/samples/", "/dev", "/dev/x/y"):
        assert get(path).body == b"annotator"
        assert behind.heard(path)  # as it is
    for path, status, content in [
        ("/health", 200, b'"service"'),
        ("/health/", 200, b'"parts"'),
        (f"/session/{session}", 200, b'"running"'),
        ("/session/start/", 404, b'"detail"'),
        ("/sessions/history", 402, b'"detail"'),
        ("/api/v1/sessions/", 200, session.encode()),
        ("/api/docs/", 200, b"swagger"),
        ("/panel", 302, b""),
        ("/panel/", 200, b"<html"),
        ("/admin/login/", 200, b"<html"),
        ("/static/sessions_app/icon.svg", 200, b"<svg"),
    ]:
        answer = get(path)
        assert (answer.status, content in answer.body) == (status, True), (path, answer)


def test_audio_is_a_websocket_of_the_annotator(behind: Behind) -> None:
    user = login("speaking")
    with closing(behind.proxy.connection()) as connection:
        connection.connect()
        connection.sock.sendall(
            f"GET /session/abc/audio HTTP/1.1\r\nHost: {NAME}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\nCookie: cf_session={user}\r\n"
            f"X-CF-Session: {login('somebody else')}\r\n\r\n".encode()
        )
        assert connection.sock.recv(4096).startswith(b"HTTP/1.1 101 ")
        connection.sock.sendall(b"sound")
        assert connection.sock.recv(4096) == b"sound"
    assert behind.heard("/session/abc/audio").headers["x-cf-session"] == user


@pytest.mark.parametrize("path", ["/api/v1/sessions/", "/session/x", "/session/x/audio", "/corrections"])
def test_what_a_client_says_of_itself_goes_no_further(behind: Behind, path: str) -> None:
    path = f"{path}?{secrets.token_hex(4)}"
    made_up = ["X-CF-Session", "X-Forwarded-Proto", "X-Forwarded-For", "X-Forwarded-Host", "Forwarded"]
    sent = dict.fromkeys([*made_up, *(name.replace("-", "_") for name in made_up)], CANARY)
    assert behind.mirror.call("GET", f"{path}0", headers=sent).status == 200
    assert behind.mirror.call("GET", f"{path}1", headers={**sent, "Cookie": "a=b; cf_session=mine; c=d"}).status == 200
    without, with_cookie = behind.heard(f"{path}0").headers, behind.heard(f"{path}1").headers
    assert CANARY not in str(without)
    assert not {"x-cf-session", "forwarded", "x-forwarded-host"} & set(without)
    told = [with_cookie[name] for name in ("x-cf-session", "x-forwarded-proto", "x-forwarded-for", "host")]
    assert told == ["mine", "https", CLIENT, NAME]


def test_cookie_says_who_asks_and_no_header_does(behind: Behind) -> None:
    _, _, session = behind.begin("mine")
    mine, theirs = login("mine"), login("theirs")

    def status(**headers: str) -> int:
        sent = {name.replace("__", "-"): value for name, value in headers.items()}
        return behind.proxy.call("GET", f"/session/{session}", headers=sent).status

    assert status(Cookie=f"cf_session={mine}", X__CF__Session=theirs) == 200
    assert status(Cookie=f"cf_session={theirs}", X__CF__Session=mine) == 404
    assert status(X__CF__Session=mine) == status(X_CF_Session=mine) == 401
    # Past the proxy the header is believed from the proxy's address, and from no other.
    straight = {"X_CF_Session": mine, "X_Forwarded_Proto": "https"}
    for source, expected in ((CLIENT, 401), ("127.0.0.1", 200)):
        answer = behind.cloud.straight("web", "GET", f"/session/{session}", source=source, **straight)
        assert answer[0] == expected


def test_plain_http_is_sent_to_tls_and_none_passes_for_it(behind: Behind) -> None:
    proxy = behind.proxy
    for method in ("GET", "POST"):
        assert plain(proxy.plain, method, "/session/start?a=b") == (301, f"https://{NAME}/session/start?a=b")
    assert plain(proxy.port, "GET", "/health")[0] == 400
    # The other way round: what came by TLS is not taken for plain HTTP, which would be sent in a circle.
    answer = proxy.call("GET", "/session/x", headers={**browser("tls"), "X-Forwarded-Proto": "http"})
    assert (answer.status, "strict-transport-security" in answer.headers) == (404, True)
    context = ssl.create_default_context(cafile=str(proxy.folder / "fullchain.pem"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as bare,
        context.wrap_socket(bare, server_hostname=NAME) as speaking,
    ):
        assert speaking.selected_alpn_protocol() == "h2"


def test_no_query_and_no_credential_is_logged(behind: Behind) -> None:
    query, proxy = f"?ticket={CANARY}", behind.proxy
    sent = {"Authorization": f"Token {CANARY}", "X-Session-Token": CANARY, "Referer": f"https://{NAME}/{query}"}
    assert plain(proxy.plain, "GET", f"/seen/plain{query}")[0] == 301
    for path, status, body in [
        ("/seen/page", 200, None),
        ("/session/seen", 401, None),
        ("/api/v1/sessions/seen/stream/", 401, None),
        ("/samples/drop", 502, None),  # what fails is for the error log, too
        ("/session/seen/audio", 413, CANARY.encode() * 100_000),
    ]:
        answer = proxy.call(
            "POST" if body else "GET", f"{path}{query}", body, {**sent, "Cookie": f"cf_session={CANARY}"}
        )
        assert answer.status == status, (path, answer)
    for _ in range(400):
        if proxy.call("GET", f"/corrections/seen{query}", headers=sent, source="127.0.0.4").status == 429:
            break
    behind.cloud.wait(lambda: " 429 GET /corrections/seen " in proxy.written(), "the last line of the log")
    logged = proxy.written()
    for path in (
        "301 GET /seen/plain",
        "401 GET /session/seen",
        "502 GET /samples/drop",
        "413 POST /session/seen/audio",
    ):
        assert f" {path} " in logged
    assert CANARY not in logged
    assert "ticket" not in logged
    assert (proxy.logs / "default.log").read_text() == (proxy.logs / "error.log").read_text() == ""


def test_callers_are_limited_by_address(behind: Behind) -> None:
    answers: list[tuple[int, str | None, bytes]] = []
    with closing(behind.proxy.connection(source="127.0.0.3")) as connection:
        for _ in range(400):
            connection.request("GET", "/corrections/much")
            response = connection.getresponse()
            answers.append((response.status, response.getheader("Retry-After"), response.read()))
            if response.status != 200:
                break
        status, retry, body = answers[-1]
        assert 100 < len(answers) < 400
        refused(Answer(status, {"content-type": response.getheader("Content-Type", "")}, body), 429, "E-REQUEST-010")
        assert behind.proxy.call("GET", "/corrections/other").status == 200
        assert behind.proxy.call("GET", "/app.js", source="127.0.0.3").status == 200
        time.sleep(int(retry or ""))
        connection.request("GET", "/corrections/again")
        assert connection.getresponse().status == 200


def test_annotator_appends_straight_to_a_web_process_when_it_says_https(behind: Behind) -> None:
    sent, path, session = behind.begin()
    events = [{"event_type": "tone", "label": "Calm", "timestamp": 1}]
    body = json.dumps({"batches": [{"session": session, "events": events}]}).encode()
    headers = {"Authorization": f"Token {behind.cloud.annotator}", "Content_Type": "application/json"}
    assert behind.cloud.straight("web", "POST", "/api/v1/journal/", body, **headers)[0] == 301
    status, answer = behind.cloud.straight(
        "web", "POST", "/api/v1/journal/", body, **headers, X_Forwarded_Proto="https"
    )
    assert (status, json.loads(answer)["results"][0]["status"]) == (200, 201)
    assert behind.proxy.call("GET", f"{path}events/", headers=sent).json()["events"][0]["label"] == "Calm"
