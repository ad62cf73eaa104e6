"""Measured files of a running job, held against its plan: once, or as they come."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.cli.inputs import case_of_plan, file_label, plan_at
from shardplan.cli.interrupt import interruptible
from shardplan.cli.output import put, put_json, tell
from shardplan.cli.show import show_report
from shardplan.errors import InputError, ShardplanError

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.case import Case
    from shardplan.plan.file.measured import Measured
    from shardplan.plan.file.plan import Plan
    from shardplan.tune.drift.drift import Drift

_LOOK_EVERY_SECONDS = 1.0
_PAUSE_SECONDS = 0.1
_GROWTH = 1.05
"""Of the number of files, from one look to the next."""


@dataclass(slots=True)
class MeasuredDrift:
    """What ``check --measured`` is asked for, and the files that it has read."""

    plan_path: str
    paths: tuple[str, ...]
    form: str
    width: int | None
    _read: dict[str, Measured] = field(default_factory=dict)
    _refused: dict[str, str] = field(default_factory=dict)

    def put_once(self) -> bool:
        """Report on all files there are; whether the job has drifted."""
        from shardplan.plan.file.measured import Measured

        plan, case = self._plan()
        self._read = {file: Measured.read(file, plan) for file in self._files()}
        drift = self._drift(plan, case)
        self._put(drift)
        return drift.has_drifted

    def watch(self) -> bool:
        """Report again when there is news, until Ctrl-C; whether the job has drifted then.

        Of the chance to err, the n-th look has ``1 / (n (n + 1))``: all of them together have it
        once.
        """
        from shardplan.tune.drift.drift import ERROR, FEWEST

        plan, case = self._plan()
        told: tuple[tuple[str, str], ...] | None = None
        looks, looked_at = 0, 0
        with interruptible("stopping to watch") as interrupt:
            while not interrupt.is_requested():
                self._read_new(plan)
                count = len(self._read)
                if count >= max(FEWEST, _GROWTH * looked_at) and count > looked_at:
                    looks, looked_at = looks + 1, count
                    drift = self._drift(plan, case, ERROR / (looks * (looks + 1)))
                    news = tuple((term.name, term.since) for term in drift.terms if term.has_moved)
                    if told is None or {name for name, _ in news} != {name for name, _ in told}:
                        self._put(drift)
                        told = news
                _wait(interrupt.is_requested)
        return bool(told)

    def _plan(self) -> tuple[Plan, Case | None]:
        plan = plan_at(self.plan_path)
        if plan.resolved is None:
            return plan, None
        return plan, case_of_plan(plan, file_label(self.plan_path))

    def _drift(self, plan: Plan, case: Case | None, error: float | None = None) -> Drift:
        from shardplan.tune.drift.drift import ERROR, Drift

        files = sorted(self._read) if len(self.paths) == 1 else list(self._read)
        found = [self._read[file] for file in files]
        try:
            return Drift.of(plan, found, files, case, ERROR if error is None else error)
        except ValueError as problem:
            raise ShardplanError(str(problem)) from None

    def _read_new(self, plan: Plan) -> None:
        """Read files that are new; one that is half there is read again later, and told once."""
        from shardplan.plan.file.measured import Measured

        for file in self._files():
            if file in self._read:
                continue
            try:
                self._read[file] = Measured.read(file, plan)
            except InputError as error:
                reason = str(error)
                if self._refused.get(file) == reason:
                    tell(f"{reason}\n{file} is not counted")
                    reason = ""  # Told.
                if self._refused.get(file) != "":
                    self._refused[file] = reason

    def _files(self) -> list[str]:
        """Files, and in place of folders the JSON files in them, by name."""
        found = []
        for path in self.paths:
            folder = Path(path)
            found += sorted(map(str, folder.glob("*.json"))) if folder.is_dir() else [path]
        return found

    def _put(self, drift: Drift) -> None:
        from shardplan.cli.reports.drift_report import drift_json, drift_report

        if self.form == "json":
            put_json(drift_json(drift))
        else:
            put(show_report(drift_report(drift), self.form, self.width))


def _wait(is_over: Callable[[], bool]) -> None:
    """Until the next look."""
    end = time.monotonic() + _LOOK_EVERY_SECONDS
    while time.monotonic() < end and not is_over():
        time.sleep(_PAUSE_SECONDS)
