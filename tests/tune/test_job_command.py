"""A job that is a command line: what it is given, and how its failures are told."""

from __future__ import annotations

import os
import select
import sys
import time

import pytest

from shardplan.errors import Interrupted
from shardplan.solve.deadline import Deadline
from shardplan.tune.job.job import JobFailed, OutOfTime
from shardplan.tune.job.job_command import JobCommand

WRITES = "import sys; open(sys.argv[2], 'w').write(open(sys.argv[1]).read())"


def job(code: str, **more) -> JobCommand:
    return JobCommand((sys.executable, "-c", code, "{plan}", "{measured}"), **more)


@pytest.fixture
def files(tmp_path):
    plan = tmp_path / "a plan.json"
    plan.write_text("{}")
    return plan, tmp_path / "measured; x.json", tmp_path / "log"


def test_paths_reach_the_command_whole_whatever_is_in_them(files):
    job(WRITES).run(*files)
    assert files[1].read_text() == "{}"


def test_what_it_says_goes_to_the_log(files):
    job(f"{WRITES}; print('lost'); sys.stderr.write('found')").run(*files)
    assert sorted(files[2].read_text().split()) == ["found", "lost"]


def test_an_exit_code_is_told_with_the_last_lines(files):
    code = "import sys; [print('line', n) for n in range(30)]; sys.stdout.flush(); sys.exit(7)"
    with pytest.raises(JobFailed) as caught:
        job(code).run(*files)
    assert caught.value.reason == "it ended with exit code 7"
    assert caught.value.said[-1] == "line 29"
    assert len(caught.value.said) == 12


LAUNCHER = """\
W1201 04:53:33.599000 23827 torch/distributed/elastic/multiprocessing/api.py:1028] Sending process
E1201 04:53:33.868000 23827 torch/distributed/elastic/multiprocessing/api.py:1002] failed (exitco
"""


def test_what_a_launcher_says_of_the_end_does_not_hide_why_it_came(files):
    """A job of several processes: theirs comes first, and then dozens of lines of torchrun's."""
    said = LAUNCHER + "  traceback: <N/A>\n" * 40
    for own, told in (("no room\n", ("no room",)), ("", said.splitlines()[-12:])):
        with pytest.raises(JobFailed) as caught:
            job(f"import sys; sys.stderr.write({own + said!r}); sys.exit(1)").run(*files)
        assert caught.value.said == tuple(told)


def test_a_signal_is_told_by_its_name(files):
    with pytest.raises(JobFailed, match="ended by SIGKILL"):
        job("import os; os.kill(os.getpid(), 9)").run(*files)


def test_a_command_that_is_not_there_is_named(files):
    with pytest.raises(JobFailed, match="no-such-command: No such file"):
        JobCommand(("no-such-command", "{plan}", "{measured}")).run(*files)


def test_a_command_that_writes_nothing_fails_though_it_ends_well(files):
    files[1].write_text("of an earlier run")
    with pytest.raises(JobFailed, match="wrote no measured file"):
        job("pass").run(*files)


def test_a_command_that_hangs_is_ended_with_its_children(files):
    marker = files[0].parent / "alive"
    child = f"import time; time.sleep(20); open({str(marker)!r}, 'w')"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    begun = time.process_time()
    with pytest.raises(JobFailed, match=r"took longer than 0\.5 s"):
        job(code, timeout_seconds=0.5).run(*files)
    assert not marker.exists()
    assert time.process_time() - begun < 5


def test_children_that_outlive_it_are_ended_too(files):
    """They would slow down the next run."""
    pid = files[0].parent / "pid"
    child = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = f"""
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", {child!r}])
while not (os.path.exists({str(pid)!r}) and open({str(pid)!r}).read()):
    pass
{WRITES}
"""
    job(code).run(*files)
    assert ends(int(pid.read_text()))


def ends(process: int) -> bool:
    """Whether a process is no more, or dies within a few seconds."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    return bool(select.select([handle], [], [], 10.0)[0])


@pytest.mark.parametrize(
    "code",
    ["os.mkdir(m)", "os.mkfifo(m)", "os.symlink('/dev/zero', m)"],
    ids=["folder", "pipe", "endless"],
)
def test_what_is_no_file_is_not_read(files, code):
    with pytest.raises(JobFailed, match="is no file"):
        job(f"import os, sys; m = sys.argv[2]; {code}").run(*files)


def test_a_run_that_outlives_the_budget_is_ended_and_no_plan_is_blamed(files):
    """But for the first, without which there would be nothing."""
    once = files[0].parent / "once"
    waits = f"os.path.exists({str(once)!r}) and time.sleep(60)"
    found = job(f"import os, time; {waits}; open({str(once)!r}, 'w'); {WRITES}")
    found.budget = Deadline.after(-1.0)
    found.run(*files)
    with pytest.raises(OutOfTime):
        found.run(*files)


def test_a_program_that_is_not_there_is_known_before_it_runs():
    assert JobCommand.parse("no-such-command {plan} {measured}", 60.0).missing == "no-such-command"
    assert JobCommand.parse(f"{sys.executable} {{plan}} {{measured}}", 60.0).missing == ""


def test_it_is_ended_where_tuning_is_interrupted(files):
    with pytest.raises(Interrupted):
        job("import time; time.sleep(20)", should_stop=lambda: True).run(*files)


@pytest.mark.parametrize("text", ["train", "train {plan}", "train {measured}"])
def test_a_command_has_a_place_for_both_files(text):
    with pytest.raises(ValueError, match=r"has no \{(plan|measured)\}"):
        JobCommand.parse(text, 60.0)


def test_words_are_split_as_by_a_shell_and_told_as_they_are():
    found = JobCommand.parse("run 'two words' --plan={plan} {measured}", 60.0)
    assert found.template == ("run", "two words", "--plan={plan}", "{measured}")
    assert JobCommand.parse(found.words, 60.0) == found
