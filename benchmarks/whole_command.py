"""A command with all processes that it starts: CPU seconds, and the most memory of all together."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_EVERY_SECONDS = 0.05
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Ended:
    """How it went."""

    output: str
    cpu_seconds: float
    """Of the process and of those that it waited for."""
    peak_bytes: int
    """Sum of proportional set sizes over the tree, looked at twenty times a second."""


def run_whole(words: Sequence[str], root: Path, codes: Sequence[int] = (0,)) -> Ended:
    """Run a command to its end; raises RuntimeError with what it says where it fails.

    ``root`` goes before all other places of modules; ``codes`` are no failures.
    """
    environment = os.environ | {"PYTHONPATH": str(root), "PYSPARK_PYTHON": sys.executable}
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            list(words), env=environment, stdout=said, stderr=subprocess.STDOUT
        ) as process,
    ):
        peak = 0
        while True:
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            peak = max(peak, sum(_pss(each) for each in _tree(process.pid)))
            time.sleep(_EVERY_SECONDS)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        output = said.read()
    if process.returncode not in codes:
        raise RuntimeError(f"exit code {process.returncode}: {output[-4000:]}")
    return Ended(output, used.ru_utime + used.ru_stime, peak)


def _tree(process: int) -> Iterator[int]:
    yield process
    for thread in (_PROC / f"{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in thread.read_text().split():
                yield from _tree(int(child))


def _pss(process: int) -> int:
    with suppress(OSError):
        for line in (_PROC / f"{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
