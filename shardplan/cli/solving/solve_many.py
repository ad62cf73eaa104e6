"""Several specs in one ``solve``: each in a process of its own, and one summary of all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from shardplan.cli.exit_code import ExitCode
from shardplan.cli.interrupt import interruptible
from shardplan.cli.output import check_writable, put, tell
from shardplan.cli.show import say_lines
from shardplan.files import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shardplan.explain.report.report import Report

_LOOK_EVERY_SECONDS = 0.05
_RUN = (
    "import os, signal, threading; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "end = lambda: os.read(0, 1) or os._exit(1); "
    "threading.Thread(target=end, daemon=True).start(); "
    "from shardplan.cli.main import main; main()"
)
"""Interrupted while it loads, such a process ends without a traceback. It ends too where the one
that began it is gone, however that ended: nobody writes to its stdin, which then is closed."""
OWN = frozenset({"output", "jobs"})
"""Options that each process gets from here."""


@dataclass(frozen=True, slots=True)
class Task:
    """A spec, and the file that its plan goes to."""

    spec: str
    plan: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How one solve ended."""

    task: Task
    exit_code: int
    said: str
    """All that it wrote to stderr."""


def tasks_of(specs: Sequence[str], folder: str) -> list[Task]:
    """A plan ``STEM.json`` in the folder for each spec; wrong usage where two would be one."""
    if "-" in specs or folder == "-":
        raise click.UsageError("several SPECs are files, and their plans go to a folder: -o DIR")
    by_plan: dict[str, str] = {}
    for spec in specs:
        plan = str(Path(folder) / f"{Path(spec).stem}.json")
        if plan in by_plan:
            message = f"the plans of {by_plan[plan]} and {spec} would both be {plan}"
            raise click.UsageError(f"{message}; solve them one by one, or rename one")
        by_plan[plan] = spec
    return [Task(spec, plan) for plan, spec in by_plan.items()]


def solve_many(tasks: Sequence[Task], options: Sequence[str], jobs: int, quiet: bool) -> ExitCode:
    """Solve all, ``jobs`` at a time, and show what came of them; the worst of their exit codes.

    One that fails does not stop the others. The first Ctrl-C lets those that run write what they
    have and begins no more; a second one aborts.
    """
    if not quiet:
        check_writable("-")
    make_folder(Path(tasks[0].plan).parent)
    with interruptible() as interrupt:
        crew = _Crew(options)
        try:
            ended = _run_all(crew, tasks, jobs, interrupt.is_requested, quiet)
        finally:
            crew.kill()
    if not quiet:
        put(_summary(ended))
    codes = [each.exit_code for each in ended.values()]
    return ExitCode(max(codes)) if len(ended) == len(tasks) else ExitCode.INTERRUPTED


def _run_all(
    crew: _Crew,
    tasks: Sequence[Task],
    jobs: int,
    should_stop: Callable[[], bool],
    quiet: bool,
) -> dict[Task, Ended]:
    """Those that were begun, in the order of the tasks."""
    waiting, ended, is_told = list(tasks), {}, False
    while crew.running or (waiting and not should_stop()):
        while waiting and len(crew.running) < jobs and not should_stop():
            crew.start(waiting.pop(0))
        if should_stop() and not is_told:
            is_told = True
            crew.interrupt()
        for one in crew.collect():
            ended[one.task] = one
            _tell(one, f"[{len(ended)}/{len(tasks)}]", quiet)
        time.sleep(_LOOK_EVERY_SECONDS)
    return {task: ended[task] for task in tasks if task in ended}


def _tell(one: Ended, position: str, quiet: bool) -> None:
    """All that a solve said where it failed, else its notes."""
    lines = one.said.splitlines()
    if one.exit_code:
        tell(f"{position} {one.task.spec}: exit code {one.exit_code}")
        for line in lines:
            tell(line)
    elif not quiet:
        notes = (f"  {line.strip()}" for line in lines if line.lstrip().startswith("note:"))
        say_lines([f"{position} {one.task.spec}: {one.task.plan} written", *notes])
    elif lines:
        say_lines(lines)


def _summary(ended: Mapping[Task, Ended]) -> str:
    from shardplan.cli.inputs import case_of_plan
    from shardplan.cli.served.any_plan import any_plan_at
    from shardplan.cli.show import show_table
    from shardplan.explain.numbers.side_by_side import Labelled, side_by_side
    from shardplan.explain.report.served.served_section import served_section
    from shardplan.explain.report.side_by_side_report import side_by_side_report
    from shardplan.serving.file.served_plan import ServedPlan

    good = [task.plan for task, one in ended.items() if one.exit_code == 0]
    plans = [(file, any_plan_at(file)) for file in good]
    trained = [
        Labelled(file, plan, case_of_plan(plan, file))
        for file, plan in plans
        if not isinstance(plan, ServedPlan)
    ]
    served = [(file, plan) for file, plan in plans if isinstance(plan, ServedPlan)]
    title = f"{len(good):,} of {len(ended):,} specs solved"
    report = side_by_side_report(side_by_side(trained), title)
    if served:
        mine = report.sections if trained else ()
        report = replace(report, sections=(*mine, served_section(served)))
    return show_table(_with_failures(report, ended))


def _with_failures(report: Report, ended: Mapping[Task, Ended]) -> Report:
    from shardplan.explain.report.report import Column, Grid, Section

    rows = tuple(
        (task.spec, f"{one.exit_code}", next(iter(one.said.splitlines()), ""))
        for task, one in ended.items()
        if one.exit_code
    )
    if not rows:
        return report
    columns = (Column("spec"), Column("exit code", True), Column("why", is_prose=True))
    failed = Section("Without a plan", grid=Grid(columns, rows))
    return replace(report, sections=(*report.sections, failed))


class _Crew:
    """The processes that run."""

    def __init__(self, options: Sequence[str]) -> None:
        self.running: dict[Task, tuple[subprocess.Popen[bytes], BinaryIO]] = {}
        self._options = options
        # What this process imports from is what they import from, wherever it was started.
        self._environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    def start(self, task: Task) -> None:
        """Begin a solve, in a session of its own: it hears of Ctrl-C from here alone."""
        said = tempfile.TemporaryFile()  # noqa: SIM115 (closed once it has been read)
        command = [sys.executable, "-P", "-c", _RUN, "solve", *self._options]
        process = subprocess.Popen(
            [*command, "-o", task.plan, "--", task.spec],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=self._environment,
            start_new_session=True,
        )
        self.running[task] = process, said

    def collect(self) -> list[Ended]:
        """Those that have ended since."""
        found = []
        for task, (process, said) in list(self.running.items()):
            if (code := process.poll()) is None:
                continue
            del self.running[task]
            assert process.stdin is not None
            process.stdin.close()
            with said:
                said.seek(0)
                text = said.read().decode("utf-8", "replace")
            if code < 0:  # ended by a signal: that of Ctrl-C, or one that nobody sent from here
                is_own = code == -signal.SIGINT
                code = ExitCode.INTERRUPTED if is_own else ExitCode.INTERNAL_ERROR
            found.append(Ended(task, int(code), text))
        return found

    def interrupt(self) -> None:
        """Ask all to stop with what they have."""
        for process, _ in self.running.values():
            process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End what still runs."""
        for process, said in self.running.values():
            process.kill()
            process.wait()
            assert process.stdin is not None
            process.stdin.close()
            said.close()
        self.running.clear()
