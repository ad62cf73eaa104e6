"""The balance of few large items on few devices, proven by asking whole-device contents.

The relaxation knows no devices, so its bound is what loads that can be split at will would reach.
With three or four units on a device the best placement is well above that, and the integer program
over devices cannot prove it, for exchanging two devices makes another solution of equal worth. The
``pattern_program`` can: it answers whether all devices can stay below a load. Asked of loads
between bound and incumbent, it raises the one or lowers the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.pattern_program import (
    Ceiling,
    Patterns,
    bases,
    pattern_program,
    patterns,
)
from shardplan.solve.problem.legality import is_legal
from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.program.answer import Limits, Status, Watch
from shardplan.solve.program.backend import solve_program

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class PatternParams:
    """Which questions are asked, and how large they may be."""

    most_bases: int = 500
    most_patterns: int = 200_000
    """A question with more of either is not answered."""
    node_columns: int = 1_000_000
    """Nodes times columns of a program's tree, when the caller does not limit them; ..."""
    fewest_nodes: int = 20
    """... but this many nodes in any case."""
    finest: float = 1e-7
    """Relative distance below the incumbent at which the last question is asked."""
    near: float = 2e-4
    """Relative distance of bound and incumbent up to which questions no longer halve it."""
    unanswered: int = 3
    """Questions that may go without an answer before the method gives up."""

    def deepened(self, effort: float) -> PatternParams:
        """With larger trees for more than the usual effort."""
        more = max(1.0, effort)
        return replace(
            self,
            node_columns=round(self.node_columns * more),
            fewest_nodes=round(self.fewest_nodes * more),
        )


_USUAL = PatternParams()


@dataclass(frozen=True, slots=True)
class BalanceProof:
    """What the questions have shown."""

    lower_bound: float
    """Seconds; holds for placements made of the allowed options, up to the best known."""
    placement: Placement | None
    """The best that was found below the incumbent, None where nothing was."""


@dataclass(frozen=True, slots=True)
class _Reply:
    """What a question was answered with; neither part where no answer was found."""

    impossible: bool = False
    placement: Placement | None = None


def prove_balance(
    problem: Problem,
    allowed: NDArray[np.bool_],
    *,
    lower_bound: float,
    upper_bound: float,
    limits: Limits,
    watch: Watch,
    params: PatternParams = _USUAL,
) -> BalanceProof | None:
    """Close in on the best objective of a problem with one stage, from bounds in seconds.

    ``allowed`` (O,) are the options that a placement below ``upper_bound`` can be made of. None
    where the method does not apply: several stages, units that land on nodes or spill on others,
    options that can be mixed, or no incumbent.
    """
    beyond = bool((problem.shape[allowed] == Shape.NODE).any() or problem.mixable.any())
    beyond |= problem.has_spill
    if problem.stage_count != 1 or beyond or not np.isfinite(upper_bound):
        return None
    allowed = undominated(problem, allowed)
    constant = float(problem.objective.chain_seconds[problem.objective.in_chain[0]].max())
    best, hardest, unanswered = None, upper_bound, 0
    while unanswered < params.unanswered and not watch.should_stop():
        enough = max(limits.relative_gap * lower_bound, 2 * params.finest * upper_bound)
        if upper_bound - lower_bound <= enough:
            break
        asked = _next_question(lower_bound, hardest, upper_bound, params)
        exhausted = hardest < upper_bound and hardest - lower_bound <= params.near * hardest
        if limits.until.is_over or asked <= lower_bound or exhausted:
            break
        reply = _ask(Ceiling.of(problem, allowed, asked - constant), limits, watch, params)
        if reply.impossible:
            lower_bound = asked
        elif reply.placement is not None:
            best = reply.placement
            upper_bound = hardest = evaluate(problem, best).objective
        else:
            hardest, unanswered = asked, unanswered + 1
    return BalanceProof(min(lower_bound, upper_bound), best)


def undominated(problem: Problem, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(O,): the ``allowed`` options without those that another one of the item can stand in for.

    It has the same shape, units and domain, and no more of load or bytes; of equal ones the first.
    """
    kept = allowed.copy()
    kind = np.column_stack([problem.shape, problem.units, problem.domain])
    needs = np.hstack([problem.load_seconds, problem.device_bytes, problem.node_bytes])
    for item in range(problem.item_count):
        options = [option for option in problem.options_of(item) if allowed[option]]
        for option in reversed(options):
            rivals = [rival for rival in options if rival != option and kept[rival]]
            same = (kind[rivals] == kind[option]).all(axis=1)
            kept[option] = not (same & (needs[rivals] <= needs[option]).all(axis=1)).any()
    return kept


def _next_question(
    lower_bound: float, hardest: float, upper_bound: float, params: PatternParams
) -> float:
    """Halfway to the least load of unknown answer; once that is near, just below the incumbent."""
    if hardest == upper_bound and upper_bound - lower_bound <= params.near * upper_bound:
        return upper_bound * (1 - params.finest)
    return (lower_bound + hardest) / 2


def _ask(ceiling: Ceiling, limits: Limits, watch: Watch, params: PatternParams) -> _Reply:
    """Whether a placement is below the ceiling: tried for one base after the other."""
    tried, left = bases(ceiling, params.most_bases), params.most_patterns
    impossible = tried is not None
    for base in tried or ():
        found = patterns(ceiling, base, left)
        if found is None or watch.should_stop():
            return _Reply()
        if not len(found.counts):
            continue
        left -= len(found.counts)
        program = pattern_program(ceiling.problem, found)
        answer = solve_program(
            program,
            Limits(
                limits.until,
                limits.nodes
                or max(params.fewest_nodes, params.node_columns // program.column_count),
            ),
            watch=Watch(should_stop=watch.should_stop),
            presolve=False,
        )
        if answer.x is not None:
            placement = _placement(ceiling.problem, found, answer.x)
            if _holds(ceiling, placement):
                return _Reply(placement=placement)
        impossible &= answer.status is Status.INFEASIBLE
    return _Reply(impossible)


def _holds(ceiling: Ceiling, placement: Placement) -> bool:
    """Whether a placement also obeys what patterns leave aside."""
    evaluation = evaluate(ceiling.problem, placement)
    most = float(evaluation.load_seconds.max())
    return evaluation.fits and most <= ceiling.seconds and is_legal(ceiling.problem, placement)


def _placement(problem: Problem, found: Patterns, values: NDArray[np.float64]) -> Placement:
    """The placement whose devices hold the patterns of a point of the program, in their order."""
    times = np.rint(values[: len(found.counts)]).astype(np.int64)
    content = np.repeat(found.counts, times, axis=0)
    option = np.empty(problem.item_count, dtype=np.int64)
    everywhere = list(found.base.everywhere)
    option[problem.item_of_option[everywhere]] = everywhere
    targets = [np.zeros(0, dtype=np.int64)] * problem.item_count
    for column, held in enumerate(content.T):
        if held.any():
            item = problem.item_of_option[found.options[column]]
            option[item] = found.options[column]
            targets[item] = np.repeat(np.arange(len(held)), held)
    return Placement.of(option, targets)
