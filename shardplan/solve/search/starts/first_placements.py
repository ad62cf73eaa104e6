"""From the relaxation's shares to one option per item, and from there to a first placement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from shardplan.solve.problem.legality import is_legal
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.search.move import SEARCHING, Move, Turn, When
from shardplan.solve.search.repartition.rebalance import rebalance
from shardplan.solve.search.starts.fill_greedily import FillParams, fill_greedily
from shardplan.solve.search.starts.mend import MendParams, mend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shardplan.solve.bound.relaxation import Relaxation
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.record import Record


@dataclass(frozen=True, slots=True)
class FirstPlacements(Move):
    """Greedy placements of rounded options, the heaviest item first, balanced a little."""

    name: ClassVar[str] = "first_placements"
    when: ClassVar[When] = When.START
    methods: ClassVar[frozenset[str]] = SEARCHING | {"milp", "greedy"}

    fineness: tuple[float, ...] = (0.8, 1.0, 0.65, 0.5, 1e6)
    """Largest unit allowed, relative to the relaxation's slowest device: smaller units balance
    better, but cost more in all."""
    share_of_memory: float = 0.8
    """Units above this share of a device leave no room for what all devices hold anyway."""
    most_free_cells: int = 1_000_000
    """Options times devices up to which a fill over all options is worth its time."""
    fill_cells: int = 100_000_000
    """Options times devices, over all fills but the first."""
    fill: FillParams = field(default_factory=FillParams)
    mend: MendParams = field(default_factory=MendParams)
    rounds: int = 300
    """Of repartition after a fill."""

    def improve(self, record: Record, turn: Turn) -> None:
        """Fill, offer, and balance: one choice of options after the other."""
        record.reporter.starting("greedy")
        params = turn.repartition.cooled(min(self.rounds, turn.repartition.rounds))
        for number, allowed in enumerate(self._choices(record.problem, record.relaxation)):
            if record.placement is not None and record.should_stop():
                return
            start = self._fitting(record, fill_greedily(record, allowed, self.fill), turn)
            record.offer(start, "greedy")
            if record.should_stop():
                return
            rebalance(record, start, allowed, params, number)

    def _fitting(self, record: Record, start: Placement, turn: Turn) -> Placement:
        """The start, mended where it does not fit and that does not take too long."""
        # Whatever is known already: `greedy` knows nothing, and has no better first placements.
        problem, drawn = record.problem, turn.drawn_from.copy()
        if int(drawn.sum()) * problem.device_count > self.most_free_cells or record.is_overdue():
            return start
        if is_legal(problem, start) and evaluate(problem, start).fits:
            return start
        drawn[start.option] = True
        return mend(record, start, drawn, self.mend)

    def _choices(self, problem: Problem, relaxation: Relaxation) -> Iterator[NDArray[np.bool_]]:
        """(O,) options to fill from: rounded ones, and all at once; each set of them once."""
        cells = problem.option_count * problem.device_count
        fineness = self.fineness[: max(1, self.fill_cells // cells)]
        choices = [
            round_options(problem, relaxation, limit, self.share_of_memory) for limit in fineness
        ]
        if cells <= self.most_free_cells:
            choices.append(np.ones(problem.option_count, dtype=bool))
        seen: set[bytes] = set()
        for allowed in choices:
            if allowed.tobytes() not in seen:
                seen.add(allowed.tobytes())
                yield allowed


def round_options(
    problem: Problem,
    relaxation: Relaxation,
    fineness: float,
    share_of_memory: float,
    allowed: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """(O,): one option per item, that of the largest share among those of small enough units.

    Of the ``allowed`` (O,) ones, all by default; an item that has none of them takes another.
    A fractional optimum may lean half on an option whose unit alone is longer than the stage: when
    the units of an item are all larger than ``fineness`` allows, the finest are taken.
    """
    limit = relaxation.stage_max * fineness
    scale = (relaxation.lower_bound * 1e-9 + limit).clip(min=1e-300)
    fullest = problem.fullest_device_seconds
    excess = (fullest / scale)[:, problem.objective.is_critical].max(axis=1, initial=1.0)
    room = problem.device_capacity.max(axis=0).clip(min=1.0) * share_of_memory
    excess = np.maximum(excess, (problem.device_bytes / room).max(axis=1, initial=1.0))
    order = np.lexsort(
        (
            relaxation.reduced_cost,
            -relaxation.share.round(6),
            excess.round(3),
            np.zeros_like(excess) if allowed is None else ~allowed,
            problem.item_of_option,
        )
    )
    chosen = np.zeros(problem.option_count, dtype=bool)
    chosen[order[problem.option_offsets[:-1]]] = True
    return chosen
