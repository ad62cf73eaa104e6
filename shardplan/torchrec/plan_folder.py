"""Plans kept by what they were made from."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.plan.file.read import read_plan
from shardplan.plan.file.write import write
from shardplan.plan.verify import verify
from shardplan.version import __version__

if TYPE_CHECKING:
    from os import PathLike

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.solve.settings import Settings


class PlanFolder:
    """A folder with one plan file for each case, and for how it was solved."""

    def __init__(self, folder: str | PathLike[str]) -> None:
        self._folder = Path(folder)

    def path_of(self, case: Case, settings: Settings) -> Path:
        """Where the plan of a case is: by the hash of its spec, the settings and the version."""
        asked = {
            "spec": case.resolved,
            "gap": settings.gap,
            "time_limit_seconds": settings.time_limit_seconds,
            "seed": settings.seed,
            "version": __version__,
        }
        text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
        return self._folder / f"{hashlib.sha256(text.encode()).hexdigest()}.json"

    def find(self, case: Case, settings: Settings) -> Plan | None:
        """The plan of a case; None where there is none, or none that holds."""
        path = self.path_of(case, settings)
        if not path.exists():
            return None
        try:
            plan = read_plan(path)
        except InputError:
            return None
        return None if verify(plan, case) else plan

    def keep(self, plan: Plan, case: Case, settings: Settings) -> None:
        """Write a plan whole or not at all; raises InputError where it cannot be written."""
        with contextlib.suppress(OSError):  # writing the plan says why
            self._folder.mkdir(parents=True, exist_ok=True)
        write(plan, self.path_of(case, settings))
