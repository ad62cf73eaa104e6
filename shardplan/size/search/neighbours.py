"""What a candidate's solve begins with: the plan of the candidate that is nearest to it."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from shardplan.options.constraint import Constraint
from shardplan.size.crew.start import Start, decisions_of
from shardplan.whatif.old_plan import carry

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.size.search.standings import Standings


def start_of(standings: Standings, number: int, case: Case) -> Start:
    """By the plan of the nearest candidate on the same machine, in as many groups; its own first
    plan where there is none other."""
    space = standings.space
    own = space.candidates[number]

    def distance(other: int) -> tuple[float, int]:
        there = space.candidates[other]
        return abs(log(there.nodes / own.nodes)) + abs(log(there.batch / own.batch)), other

    near = [
        other
        for other in standings.solved
        if other != number
        and space.candidates[other].offer == own.offer
        and space.candidates[other].groups == own.groups
    ]
    if not near:
        mine = standings.solved.get(number)
        return Start(decisions_of(mine.plan, case)) if mine else Start()
    other = min(near, key=distance)
    plan, then = standings.solved[other].plan, space.case(space.candidates[other])
    if then.topology.world == case.topology.world:
        carried = carry(plan, then, case)
        return Start() if carried.lost else Start(carried.decisions)
    return Start(alike=tuple(_alike(each) for each in decisions_of(plan, then)))


def _alike(decision: Decision) -> Constraint:
    """That a table is cut in the same way, wherever its shards lie."""
    return Constraint(
        (decision.table,), sharding=(decision.sharding,), kernels=(decision.kernel,), is_choice=True
    )
