"""What runs first: what the calibrated model holds for best, and what it has to beat."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from shardplan.options.constraint import Constraint
from shardplan.planning.formulate import formulate
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.solve.deadline import ENDLESS
from shardplan.solve.settings import PUBLISHED
from shardplan.tune.candidates.candidate import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.sharding.kind import ShardingType
    from shardplan.tune.candidates.solving import Solving
    from shardplan.tune.tune_params import TuneParams

_FIRST_SHARE = 0.5
"""Of the time for solving: the planner's own plan gets so much."""


def first_candidates(case: Case, solving: Solving, params: TuneParams) -> list[Candidate]:
    """The planner's plan, the best with some of the sharding types alone, and published ones.

    Plans are not compared here. Of plans with some of the types there are as many as time is left
    for. Raises Infeasible and NoPlanFound where the spec has no plan, or none was found.
    """
    best = solving.within(_FIRST_SHARE).best_plan(case)
    found = [Candidate("shardplan", "the plan that shardplan solve finds", 1, best)]
    published = list(_published(case, solving))
    limit = params.worst_prediction * best.prediction.step_seconds
    subsets = [each for each in _of_subsets(case, solving) if _seconds(each) <= limit]
    return [*found, *_varied(subsets, params.most_subsets), *published]


def _seconds(candidate: Candidate) -> float:
    return candidate.plan.prediction.step_seconds


def _of_subsets(case: Case, solving: Solving) -> Iterator[Candidate]:
    """The best plan with one sharding type alone, with two, and with all but one."""
    kinds = sharding_types(case)
    sizes = sorted({1, 2, len(kinds) - 1} - {0, len(kinds)})
    every = tuple(range(len(case.workload.tables)))
    for size in sizes:
        for chosen in combinations(kinds, size):
            plan = solving.plan_if_any(case.demanding(Constraint(every, sharding=chosen)))
            if plan is not None:
                name = "+".join(_initials(kind.name) for kind in chosen)
                words = "the best with " + " and ".join(kind.name for kind in chosen)
                yield Candidate(f"only-{name}", words, 1, plan)


def sharding_types(case: Case) -> tuple[ShardingType, ...]:
    """Those that any table may have."""
    options = formulate(case, ENDLESS).options
    there = set(options.sharding.tolist())
    return tuple(kind for code, kind in enumerate(SHARDING_TYPES) if code in there)


def _initials(name: str) -> str:
    return "".join(word[0] for word in name.split("_"))


def _varied(candidates: Sequence[Candidate], most: int) -> list[Candidate]:
    """At most so many: first the best prediction with each type, then the best of the others."""
    by_seconds = sorted(candidates, key=_seconds)
    chosen: list[Candidate] = []
    seen: set[str] = set()
    for each in by_seconds:
        kinds = types_in(each.plan)
        if not kinds <= seen:
            chosen.append(each)
            seen |= kinds
    chosen += [each for each in by_seconds if each not in chosen]
    return chosen[:most]


def types_in(plan: Plan) -> set[str]:
    """The names of the sharding types that a plan has."""
    entries = (entry for tables in plan.plan.values() for entry in tables.values())
    return {entry.sharding_type.name for entry in entries}


def _published(case: Case, solving: Solving) -> Iterator[Candidate]:
    for method, words in PUBLISHED.items():
        plan = solving.plan_if_any(case, method)
        if plan is not None:
            yield Candidate(method, f"published: {words}", 1, plan, is_given=True)
