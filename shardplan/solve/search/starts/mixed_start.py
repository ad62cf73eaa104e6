"""Blends chosen for all items, packed, and then mixed and searched in turn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from shardplan.solve.bound.option_choice import choose_options
from shardplan.solve.mixing.representatives import SHORT_STAGE, Representatives, fine_enough
from shardplan.solve.problem.problem import Shape
from shardplan.solve.program.answer import Watch
from shardplan.solve.search.move import Move, Turn, When
from shardplan.solve.search.repartition.rebalance import rebalance
from shardplan.solve.search.starts.fill_greedily import FillParams, fill_greedily
from shardplan.solve.search.starts.polish import PolishParams, polish
from shardplan.solve.search.starts.rounded_choice import rounded_choice
from shardplan.solve.search.starts.starting_options import (
    OptionChoiceParams,
    balance_to_hope_for,
    choose_for_bound,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.record import Record


@dataclass(frozen=True, slots=True)
class MixedStart(Move):
    """Choose, fill, pack and polish.

    In a choice, one option of each blend stands for it, and units that nearly fill a device are
    left aside: more of them, or fewer, from one choice to the next. The search sees options one by
    one, and the mixes of its start; the record mixes what it finds.
    """

    name: ClassVar[str] = "mixed_start"
    when: ClassVar[When] = When.FRESH

    choice: OptionChoiceParams = field(default_factory=OptionChoiceParams)
    most_bound_options: int = 5_000
    """Options up to which a choice of the first pass proves a bound, which takes longer than others
    and gives less than where nothing can be mixed."""
    most_whole_options: int = 8_000
    """Of blends, up to which an integer program chooses; of more a linear one, rounded."""
    rounding_rounds: int = 3
    """In which rows that a choice breaks are added, where it is rounded."""
    grains: tuple[tuple[float, float], ...] = ((0.3, 0.97), (0.6, 0.98), (0.4, 0.97), (0.8, 0.95))
    """Restart by restart: the share of a device's memory that a chosen unit may fill, and how much
    of it the chosen options together: large units and full devices cost least, but hardly can be
    placed."""
    largest_load: float = 0.8
    """The share of a stage that such a unit may bear; ..."""
    short_stage: float = SHORT_STAGE
    """... stages shorter than this share of the bound count as that long."""
    fill: FillParams = field(default_factory=FillParams)
    packing_rounds: int = 3000
    """Rounds of repartition, at most, that place options without changing them; ..."""
    packing_changes: int = 8
    packing_hottest: float = 1e-3
    polishing_rounds: int = 700
    """... that change some, ..."""
    polishes: int = 10
    """... this many times at most in the first pass, with a new mix each time; ..."""
    fruitless_polishes: int = 2
    """... and no more after this many in a row that gain less than ..."""
    least_gain: float = 1e-4
    """... that, relatively."""

    def supports(self, problem: Problem) -> bool:
        """Where options can be mixed."""
        return bool(problem.mixable.any())

    def improve(self, record: Record, turn: Turn) -> None:
        """From a choice of blends; where there is none, from all options worth drawing."""
        option = self._choose(record, turn)
        if record.should_stop():
            return
        record.reporter.starting("fill")
        allowed = record.worth_drawing() & turn.drawn_from
        if option is None:
            start = fill_greedily(record, allowed, self.fill)
            rebalance(record, start, allowed, turn.repartition, turn.restart)
        else:
            chosen = np.isin(np.arange(record.problem.option_count), option)
            self._pack(record, turn, fill_greedily(record, chosen, self.fill), chosen)

    def _choose(self, record: Record, turn: Turn) -> NDArray[np.int64] | None:
        """(I,): an option for each item, or None."""
        allowed, longer = record.worth_trying(), max(1.0, turn.stretch)
        params = self.choice.stretched(longer)
        if allowed.sum() > params.most_options:
            return None
        record.reporter.starting("option choice")
        few = Representatives.of(record.problem, record.relaxation)
        is_due = turn.fresh_of_pass == 2 if turn.number_of_pass == 0 else turn.fresh_of_pass == 1
        if is_due and allowed.sum() <= self.most_bound_options * longer:
            number = turn.number_of_pass
            choose_for_bound(record, allowed, params, number_of_pass=number)
        largest_bytes, filling = self.grains[turn.restart % len(self.grains)]
        fine = fine_enough(
            few.problem,
            allowed[few.option],
            record.relaxation,
            self.largest_load,
            largest_bytes,
            self.short_stage,
        )
        balance = self._balance(record, turn)
        if fine.sum() > self.most_whole_options * longer:
            rounded = rounded_choice(
                few.problem,
                fine,
                record.relaxation.unit_rows,
                record.limits(),
                watch=Watch(record.should_stop),
                balance=balance,
                filling=filling,
                rounds=self.rounding_rounds,
            )
            return None if rounded is None else few.option[rounded]
        choice = choose_options(
            few.problem,
            fine,
            record.relaxation.unit_rows,
            params.limits(record, params.nodes),
            stop_above=record.objective,
            watch=Watch(record.should_stop),
            balance=balance,
            filling=filling,
            rounds=params.rounds,
        )
        return None if choice.option is None else few.option[choice.option]

    def _balance(self, record: Record, turn: Turn) -> NDArray[np.float64]:
        """(S,): at first all: the greedy placements tell nothing of what can be reached."""
        if turn.fresh == 1:
            return np.ones(record.problem.stage_count)
        return balance_to_hope_for(record, turn.restart, self.choice)

    def _pack(
        self, record: Record, turn: Turn, start: Placement, chosen: NDArray[np.bool_]
    ) -> None:
        """Place the chosen options, and only then change them and the proportions of mixes.

        While devices are far from balanced, another option often helps a device for the moment and
        costs all of them more in the end.
        """
        longer = max(1.0, turn.stretch)
        packing = replace(
            turn.repartition,
            rounds=min(turn.repartition.rounds, round(self.packing_rounds * longer)),
            changes=self.packing_changes,
            hottest=self.packing_hottest,
        )
        near = turn.drawn_from
        packed = rebalance(record, start, chosen, packing, turn.restart)
        if packed is None:
            packed = rebalance(record, start, chosen | near, turn.repartition, turn.restart)
        if packed is not None:
            allowed = chosen | (near & (record.problem.shape == Shape.DEVICE))
            polishing = packing.cooled(round(self.polishing_rounds * longer))
            often = PolishParams(
                round(self.polishes * longer), self.fruitless_polishes, self.least_gain
            )
            polish(record, packed, allowed, polishing, turn.restart, often)
