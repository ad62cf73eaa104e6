"""Dense layers under a cost model that has no terms for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.advice.rule import Rule, Warned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan


class UnpricedLayers(Rule):
    """Says that the step is without them."""

    def of_case(self, case: Case) -> Iterator[Warned]:
        """At the layers."""
        if sentence := _sentence(case):
            yield Warned("unpriced_layers", ("training", "dense", "layers"), sentence, _HINT)

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """The same."""
        if sentence := _sentence(case):
            yield f"{sentence}; {_HINT}"


_HINT = "its steps compare with one another, and with no whole step"


def _sentence(case: Case) -> str:
    """Empty where there are no layers, or the cost model predicts them."""
    if case.workload.training.dense is None or case.cost_model.dense.is_predicted:
        return ""
    return f"cost model {case.pricing.value['name']} predicts no dense layers: the step is without"
