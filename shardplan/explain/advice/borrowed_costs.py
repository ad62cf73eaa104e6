"""A topology whose costs are those of another device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.advice.rule import Rule, Warned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan


class BorrowedCosts(Rule):
    """Says whose they are, and how to have one's own."""

    def of_case(self, case: Case) -> Iterator[Warned]:
        """Where the spec takes the cost model that its topology names."""
        if sentence := _sentence(case):
            yield Warned("borrowed_costs", ("topology",), sentence, _HINT)

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """The same."""
        if sentence := _sentence(case):
            yield f"{sentence}; {_HINT}"


_HINT = "shardplan calibrate measures this machine's own"


def _sentence(case: Case) -> str:
    """Empty where the costs are the topology's own, or the spec chose them itself."""
    file, used = case.machine.file, case.pricing.value["name"]
    if not file.borrows or used != file.cost_model:
        return ""
    device = f" for {file.device.name}" if file.device.name else ""
    return f"the costs are borrowed: {file.name} has no cost model{device} and takes {file.borrows}"
