"""What docs/api.md tells a reader to copy does what it says."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import ROOT, Stack

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    yield from Stack(tmp_path_factory.mktemp("docs"), worker=False).running()


def test_six_calls_can_be_copied(stack: Stack) -> None:
    text = Path(ROOT, "docs", "api.md").read_text()
    blocks = [re.sub(r"(?m)^   ", "", block) for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]
    script = "\necho\n".join(blocks).replace("127.0.0.1:8000", f"127.0.0.1:{stack.port}")
    script = script.replace(".venv/bin/python", sys.executable)
    done = subprocess.run(
        ["sh", "-eu", "-c", script], cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    started, appended, labelled, receipt, content, resumed = (
        json.loads(line) for line in done.stdout.splitlines() if line
    )
    assert appended["accepted"] == 1
    assert labelled["speakers"] == content["speakers"] == {"Speaker A": {"name": "Zoë", "colour": "#336699"}}
    assert receipt["session"] == content["session"] == resumed["resumed_from"]["session"] == started["id"]
    assert resumed["resumed_from"]["snapshot"] == receipt["snapshot"]["id"]
