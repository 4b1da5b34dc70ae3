"""Parents and children among the system's processes. Linux only."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: The variable that tells the harness's process id.
HARNESS = "FAULTS_HARNESS"
_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Have this process killed when the one that started it dies: nothing outlives the harness."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It died before we could ask.
        os._exit(1)


def children_of(pid: int) -> Iterator[int]:
    """The processes that this one forked."""
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            yield from map(int, file.read_text().split())
