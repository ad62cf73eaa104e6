"""The folder of a tuning: run again, it goes on, and nothing is measured twice."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError, ShardplanError
from shardplan.files import make_folder, write_atomically
from shardplan.plan.file.read import read_plan
from shardplan.plan.file.reviewable_json import reviewable
from shardplan.plan.file.write import write
from shardplan.spec.text.document import read_file
from shardplan.tune.folder.tune_state import JobFacts, TuneState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shardplan.plan.file.plan import Plan

_STATE, _LOCK = "tune.json", ".lock"
BEST = "best.json"
COST_MODEL = "cost_model.yaml"


class TuneFolder:
    """``tune.json``, ``best.json``, and the folders ``plans``, ``measured`` and ``logs``.

    Raises InputError where it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def opened(self) -> Iterator[TuneFolder]:
        """Make the folder, and keep others out of it; raises ShardplanError where one is in."""
        for name in ("plans", "measured", "logs"):
            make_folder(self.path / name)
        try:
            descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise InputError([self._fault(f"cannot write: {error.strerror}")]) from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ShardplanError(f"{self.path}: another tuning is at work there") from None
            yield self
        finally:
            with suppress(OSError):
                os.close(descriptor)

    def state(self, job: JobFacts) -> TuneState:
        """What is known of this job; raises InputError where the folder is another job's."""
        path = self.path / _STATE
        if not path.exists():
            return TuneState(job=job)
        found = TuneState.of_document(read_file(str(path)))
        for key, what in (
            ("spec_sha256", "another spec or cost model"),
            ("command", "another job"),
        ):
            if getattr(found.job, key) != getattr(job, key):
                then = f": {found.job.command}" if key == "command" else ""
                message = f"holds measurements of {what}{then}"
                hint = "name another folder, or remove this one"
                raise InputError([self._fault(message, _STATE, hint)])
        return found

    def keep(self, state: TuneState) -> None:
        """Write what is known, whole or not at all."""
        text = reviewable(state.model_dump(mode="json"))
        write_atomically(self.path / _STATE, text)

    def plan_path(self, name: str) -> Path:
        """Of a candidate."""
        return self.path / "plans" / f"{name}.json"

    def measured_path(self, name: str, number: int) -> Path:
        """Of a candidate's run in a pass."""
        return self.path / "measured" / f"{name}-{number:02}.json"

    def log_path(self, name: str, number: int) -> Path:
        """Of what the job said there."""
        return self.path / "logs" / f"{name}-{number:02}.log"

    def put_plan(self, name: str, plan: Plan) -> None:
        """Keep a candidate's plan."""
        write(plan, self.plan_path(name))

    def plan(self, name: str) -> Plan:
        """A candidate's plan."""
        return read_plan(self.plan_path(name))

    def put_best(self, name: str) -> None:
        """Make a candidate's plan ``best.json``."""
        text = self.plan_path(name).read_text(encoding="utf-8")
        best = self.path / BEST
        if not best.exists() or best.read_text(encoding="utf-8") != text:
            write_atomically(best, text)

    def _fault(self, message: str, name: str = "", hint: str = "") -> Diagnostic:
        return Diagnostic(str(self.path / name), 0, 0, "", message, hint, code="tune")
