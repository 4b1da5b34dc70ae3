"""How many statements each call costs, exactly, and that none of them grows with what is stored.

Every call spends two on the API token. A call that needs the user's plan spends one more on that. SAVEPOINT,
RELEASE, BEGIN and COMMIT are not counted.

=========================  ==========  =====================
call                       statements  in its transaction
=========================  ==========  =====================
append                     0           0
=========================  ==========  =====================
"""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.integration.conftest import TONES, Api


def test_measure(paid: Api) -> None:
    def m(name, call):
        with CaptureQueriesContext(connection, ) as c:
            r = call()
        assert r.status_code < 300, r.content
        print("##", name, len([q for q in c.captured_queries if not q["sql"].startswith(("SAVEP","RELEASE","BEGIN","COMMIT"))]))
        for q in c.captured_queries: print("     ", q["sql"][:150].replace('"',''))
        return r
    r = m("start", lambda: paid.post("sessions/", {})).json()
    s, l = r["id"], r["lease"]["token"]
    m("append", lambda: paid.append(s, l))
    m("append key", lambda: paid.append(s, l, Idempotency_Key="1"))
    m("append retry", lambda: paid.append(s, l, Idempotency_Key="1"))
    m("touch", lambda: paid.post(f"sessions/{s}/touch/", lease=l))
    l = m("attach", lambda: paid.post(f"sessions/{s}/attach/")).json()["lease"]["token"]
    m("speakers", lambda: paid.patch(f"sessions/{s}/speakers/", {"speakers": {"a": {"name": "x"}}}, lease=l))
    m("detail", lambda: paid.get(f"sessions/{s}/"))
    m("history", lambda: paid.get(f"sessions/{s}/events/"))
    m("end", lambda: paid.post(f"sessions/{s}/end/", lease=l))
    m("end again", lambda: paid.post(f"sessions/{s}/end/", lease=l))
    m("receipt", lambda: paid.get(f"sessions/{s}/receipt/"))
    m("closed detail", lambda: paid.get(f"sessions/{s}/"))
    m("list", lambda: paid.get("sessions/"))
    m("snapshots", lambda: paid.get("snapshots/"))
    m("panel", lambda: paid.get("settings/panel/"))
    n = paid.get("snapshots/").json()["results"][0]["id"]
    m("snapshot", lambda: paid.get(f"snapshots/{n}/"))
    m("content", lambda: paid.get(f"snapshots/{n}/content/"))
    r = m("import", lambda: paid.post(f"snapshots/{n}/import/")).json()
    m("import into", lambda: paid.post(f"snapshots/{n}/import/", {"into": r["id"]}, lease=r["lease"]["token"]))
    m("retention", lambda: paid.patch(f"snapshots/{n}/", {"keep": True}))
    m("delete snap", lambda: paid.delete(f"snapshots/{n}/"))
    m("delete session", lambda: paid.delete(f"sessions/{s}/"))
