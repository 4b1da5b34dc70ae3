"""Which port ``make run`` gives to the first run and to the web process."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("environment", "env_file", "port"),
    [({}, "", "8000"), ({}, "SECRET_KEY=x\nPORT=8140\n", "8140"), ({"PORT": "9000"}, "PORT=8140\n", "9000")],
)
def test_port_is_the_environments_then_the_env_files(
    tmp_path: Path, environment: dict[str, str], env_file: str, port: str
) -> None:
    (tmp_path / "some.env").write_text(env_file)
    told = subprocess.run(
        ["make", "--dry-run", "run"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "LINNET_ENV_FILE": str(tmp_path / "some.env"), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.findall(r"--port '(\w+)'", told.stdout) == [port, port]
