"""A search that was ended where no two runs end alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.advice.rule import Rule
from shardplan.plan.file.optimality import Termination

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

_SENTENCES = {
    Termination.TIME_LIMIT: "the search was cut off by the clock, so that another run may give "
    "another plan; --node-limit is a limit that does not depend on the machine",
    Termination.PATIENCE: "the search ended when nothing had improved for a while by the clock, so "
    "that another run may give another plan; --node-limit does not depend on the machine",
    Termination.INTERRUPTED: "the search was interrupted, so that another run may give "
    "another plan",
}


class CutOff(Rule):
    """Says that another run may give another plan."""

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """Of plans whose search was cut off."""
        if sentence := _SENTENCES.get(plan.optimality.termination):
            yield sentence
