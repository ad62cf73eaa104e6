"""A plan file that is there as soon as there is a plan, and gets better in place."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.explain.words import words
from shardplan.files import write_atomically
from shardplan.plan.file.write import Renderer

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.plan.file.claim import Claim
    from shardplan.plan.file.plan import Plan


class ImprovingPlan:
    """Writes each plan over the one before, whole or not at all, and says how good it is.

    A plan of the same inputs that is there already stays until a better one is found, so that a
    solve that is killed leaves nothing worse. What cannot be written is passed over in silence: of
    the last plan it is told. Pipes and devices get the last plan alone.
    """

    def __init__(
        self,
        path: str,
        say: Callable[[str], None],
        renderer: Renderer | None = None,
        before_seconds: float = 0.0,
    ) -> None:
        self._path, self._say = path, say
        self._before_seconds = before_seconds
        self._renderer = renderer or Renderer()
        self._is_file = path != "-" and _may_be_replaced(path)
        self._before: Claim | None = None
        self._is_first = True

    def put(self, plan: Plan) -> None:
        """Take the next plan, which is better than all before."""
        if self._is_first:
            self._is_first, self._before = False, self._claim_there()
        step = words.seconds(plan.prediction.step_seconds)
        where = f", written to {self._path}" if self._write(plan) else ""
        self._say(
            f"{self._before_seconds + plan.run.elapsed_seconds:.1f} s: step {step}, "
            f"gap {words.gap(plan.optimality.gap)}{where}"
        )

    def _write(self, plan: Plan) -> bool:
        before = self._before
        if not self._is_file or (before is not None and _is_no_worse(before, plan)):
            return False
        try:
            write_atomically(self._path, self._renderer.render(plan))
        except InputError:
            return False
        return True

    def _claim_there(self) -> Claim | None:
        from shardplan.plan.file.claim import Claim

        if not self._is_file or not os.path.exists(self._path):
            return None
        return Claim.in_file(self._path)


def _may_be_replaced(path: str) -> bool:
    """Whether a file can be put there again and again: not in place of a pipe or a device."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return True


def _is_no_worse(before: Claim, plan: Plan) -> bool:
    if before.inputs != plan.inputs:
        return False
    return before.optimality.objective_seconds <= plan.optimality.objective_seconds
