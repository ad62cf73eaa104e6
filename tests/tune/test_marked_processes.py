"""What a job leaves running is ended, wherever it hides."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from shardplan.tune.job.job_command import JobCommand
from shardplan.tune.job.marked_processes import MarkedProcesses

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")

DEAF = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(60)
"""
STARTS = """
import os, subprocess, sys
number, deaf, measured = sys.argv[1:4]
subprocess.Popen([sys.executable, "-c", deaf, number], start_new_session=True)
while not (os.path.exists(number) and open(number).read()):
    pass
open(measured, "w").write("{}")
"""


def ends(handle: int) -> bool:
    """Whether a process dies within a few seconds."""
    return bool(select.select([handle], [], [], 10.0)[0])


def test_a_worker_in_a_session_of_its_own_that_hears_nothing_is_ended(tmp_path):
    """As torchrun has them."""
    number, plan = tmp_path / "number", tmp_path / "plan"
    plan.touch()
    words = (sys.executable, "-c", STARTS, str(number), DEAF, "{measured}")
    JobCommand(words).run(plan, tmp_path / "measured", tmp_path / "log")
    try:
        handle = os.pidfd_open(int(number.read_text()))
    except ProcessLookupError:
        return
    assert ends(handle)


def waiting(marked: MarkedProcesses) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", "input()"]
    return subprocess.Popen(words, stdin=subprocess.PIPE, env=marked.environment())


def test_what_a_killed_tuning_left_running_is_ended_before_the_next_run(tmp_path):
    plan = tmp_path / "plan"
    plan.touch()
    words = (sys.executable, "-c", "import sys; open(sys.argv[1], 'w')", "{measured}")
    with waiting(MarkedProcesses(str(tmp_path.resolve()))) as left:
        JobCommand(words).run(plan, tmp_path / "measured", tmp_path / "log")
        assert left.wait(10.0) < 0


def test_processes_of_another_mark_stay(tmp_path):
    other = MarkedProcesses(f"{tmp_path}/other")
    with waiting(other) as stays:
        MarkedProcesses(str(tmp_path)).kill()
        assert stays.poll() is None
        other.kill()
        assert stays.wait(10.0) < 0
