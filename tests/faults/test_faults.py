"""A short run of the harness: nothing is lost, and what is wrong on purpose is found out."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.e2e.stack import ROOT

pytestmark = pytest.mark.faults

SECONDS, NAIVE_SECONDS = 30, 12
FIELDS = {
    "kills",
    "acknowledged_events",
    "lost",
    "double_snapshots",
    "late_or_fenced_writes_accepted",
    "unclosed",
    "naive_faults_found",
    "seed",
}


def test_nothing_acknowledged_is_lost_while_everything_dies() -> None:
    options = ["--seconds", str(SECONDS), "--naive-seconds", str(NAIVE_SECONDS)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    *_, before, last = done.stdout.splitlines()
    result = json.loads(last)
    assert set(result) == FIELDS
    assert before.startswith("commit ")
    assert before.endswith(f"seed {result['seed']}")
    assert result["kills"] > SECONDS / 2
    assert result["acknowledged_events"] > 0
