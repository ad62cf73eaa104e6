"""Searches one after the other: from options chosen anew, and around the best placement so far."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.mixing.best_mix import Spare, best_mix
from shardplan.solve.mixing.mixes_as_options import MixesAsOptions
from shardplan.solve.mixing.representatives import near_best
from shardplan.solve.portfolio.starting_options import Choices
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.problem.problem import Shape
from shardplan.solve.program.answer import Watch
from shardplan.solve.search.annealing.annealing import AnnealParams, anneal
from shardplan.solve.search.blocks import BlockParams, improve_blocks
from shardplan.solve.search.first_placements import fill_greedily, first_placements
from shardplan.solve.search.incumbent import Incumbent
from shardplan.solve.search.repartition.repartition import RepartitionParams, repartition

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.portfolio.record import Record
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem

_GREEDY_ROUNDS = 300
"""Rounds of repartition after a greedy fill."""
_CYCLE_ROUNDS = 6000
"""Rounds of repartition in a cycle on clusters of middling size."""
_FEWEST_ROUNDS = 1500
"""On small clusters, where many short cycles find more, and on large ones, where rounds last."""
_ALL_ROUNDS = 20_000
"""Rounds of all cycles on clusters that are not large; a third for few items, which leaves the
integer program its time."""
_FEW_ITEMS = 50
_SMALL_CLUSTER = 32
_LARGE_CLUSTER = 128
"""Devices."""
_COPIES_DEVICES = 64
"""Copies are searched side by side so that they have about so many devices together."""
_NEAR = 4
"""Options of an item and shape from which the search draws, where options can be mixed."""
_PACKING_ROUNDS = 3000
"""Rounds of repartition, at most, that place options without changing them; ..."""
_POLISHING_ROUNDS = 700
"""... that change some, ..."""
_POLISHES = 10
"""... so many times at most, with a new mix each time."""
_WHOLE_SEARCH = 1_000
"""Items times devices up to which annealing and blocks are worth their time."""
_ANNEAL_STEPS = 300
"""Steps of the annealing, per cycle so far."""
_POPULATION_CELLS = 25_000
"""About how many numbers a step of the annealing touches: large enough to hide Python."""


class Cycles:
    """Searches that report to a record; each is given more effort than the one before.

    A cycle begins with a choice of options by integer program (``choices``). After a cycle in vain,
    the next one goes on from the best placement so far. Where options can be mixed, the search sees
    them one by one, and the mixes of its start; the record mixes what it finds.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._problem = record.problem
        self._choices = Choices(record)
        self._mixes = bool(record.problem.mixable.any())
        self._effort = record.settings.effort
        self._params = _params(record.problem, self._effort)
        self.count = _count(record.problem, self._effort)
        """How many cycles are worth their time."""
        self._go_on = True
        self._near = near_best(record.problem, record.relaxation, _NEAR)
        rounds = min(self._params.rounds, _PACKING_ROUNDS)
        self._packing = replace(self._params, rounds=rounds, changes=8, hottest=1e-3)

    def greedy(self) -> None:
        """First placements: the heaviest item first, balanced a little."""
        record = self._record
        record.reporter.starting("greedy")
        params = self._params.cooled(min(_GREEDY_ROUNDS, self._params.rounds))
        for number, (start, allowed) in enumerate(
            first_placements(self._problem, record.relaxation)
        ):
            record.offer(start, "greedy")
            if record.should_stop():
                return
            self._repartition(start, allowed, params, number)

    def run(self, cycle: int) -> None:
        """One search, and what small problems profit from besides."""
        record, problem = self._record, self._problem
        before = record.objective
        if self._go_on or record.placement is None:
            self._search_anew(cycle)
            self._go_on = record.objective < before
        else:
            params = self._params.cooled(min(2 * _FEWEST_ROUNDS, 2 * self._params.rounds))
            self._repartition(record.placement, self._worth_drawing(), params, cycle)
            self._go_on = True
        if problem.item_count * problem.device_count <= _WHOLE_SEARCH:
            self._solve_blocks(cycle)
            self._anneal(cycle)

    def _search_anew(self, cycle: int) -> None:
        """Choose options, place them and search from there."""
        record, problem = self._record, self._problem
        option = self._choices.make(cycle)
        if record.should_stop():
            return
        record.reporter.starting("fill")
        allowed = self._worth_drawing()
        begun = allowed if option is None else np.isin(np.arange(problem.option_count), option)
        start = fill_greedily(problem, record.relaxation, begun)
        if option is None or not self._mixes:
            self._repartition(start, allowed, self._params, cycle)
        else:
            self._pack(start, begun, cycle)

    def _pack(self, start: Placement, chosen: NDArray[np.bool_], cycle: int) -> None:
        """Place the chosen options, and only then change them and the proportions of mixes.

        While devices are far from balanced, another option often helps a device for the moment and
        costs all of them dearly in the end.
        """
        packed = self._repartition(start, chosen, self._packing, cycle)
        if packed is None:
            packed = self._repartition(start, chosen | self._near, self._params, cycle)
        if packed is not None:
            alone = self._problem.shape == Shape.DEVICE
            self._polish(packed, chosen | (self._near & alone), cycle)

    def _polish(self, placement: Placement, allowed: NDArray[np.bool_], cycle: int) -> None:
        """Mix and repartition in turn, until neither gains."""
        record, problem = self._record, self._problem
        polishing, limits = self._packing.cooled(_POLISHING_ROUNDS), record.limits()
        reached, vain = evaluate(problem, best_mix(problem, placement, limits=limits)).objective, 0
        for number in range(_POLISHES):
            if record.should_stop() or vain == 2:
                return
            mixed = best_mix(problem, placement, Spare.BYTES, limits=limits)
            seed = cycle * _POLISHES + number
            found = self._repartition(mixed, allowed, polishing, seed)
            objective = reached
            if found is not None:
                objective = evaluate(problem, best_mix(problem, found, limits=limits)).objective
            vain = vain + 1 if objective >= reached * (1 - 1e-4) else 0
            if objective < reached:
                assert found is not None
                placement, reached = found, objective

    def _worth_drawing(self) -> NDArray[np.bool_]:
        """(O,): what the search draws from."""
        allowed = self._record.worth_drawing()
        return allowed & self._near if self._mixes else allowed

    def _repartition(
        self,
        start: Placement,
        allowed: NDArray[np.bool_],
        params: RepartitionParams,
        number: int,
    ) -> Placement | None:
        """Balance a start; its mixes are options beside the ``allowed`` (O,) ones."""
        record = self._record
        record.reporter.starting("repartition")
        incumbent = Incumbent()
        around = MixesAsOptions.of(record.problem, start)
        repartition(
            around.problem,
            around.start,
            around.allowed(allowed),
            params,
            np.random.default_rng((record.settings.seed, params.rounds, number)),
            scale_seconds=record.scale_seconds,
            incumbent=incumbent,
            should_stop=record.should_stop,
        )
        if incumbent.placement is None:
            return None
        found = around.placement(incumbent.placement)
        record.offer(found, "repartition")
        return found

    def _solve_blocks(self, cycle: int) -> None:
        record = self._record
        if record.placement is None or record.should_stop():
            return
        record.reporter.starting("blocks")
        around = MixesAsOptions.of(record.problem, record.placement)
        found = improve_blocks(
            around.problem,
            around.start,
            around.allowed(record.worth_drawing()),
            BlockParams().scaled(self._effort),
            np.random.default_rng((record.settings.seed, cycle)),
            Watch(record.should_stop),
        )
        record.offer(around.placement(found), "blocks")

    def _anneal(self, cycle: int) -> None:
        record, problem = self._record, self._problem
        if record.should_stop():
            return
        record.reporter.starting("annealing")
        allowed = record.worth_drawing()
        incumbent = Incumbent(np.inf if self._mixes else record.objective)
        cells = problem.device_count * problem.stage_count * allowed.sum() / problem.item_count
        size = int(np.clip(_POPULATION_CELLS / cells, 2, 48))
        anneal(
            problem,
            allowed,
            AnnealParams(size=size, steps=round(_ANNEAL_STEPS * self._effort * (cycle + 1))),
            np.random.default_rng((record.settings.seed, cycle)),
            scale_seconds=record.scale_seconds,
            incumbent=incumbent,
            starts=[record.placement.unmixed] if record.placement is not None else [],
            should_stop=record.should_stop,
        )
        if incumbent.placement is not None:
            record.offer(incumbent.placement, "annealing")


def _params(problem: Problem, effort: float) -> RepartitionParams:
    """How to balance, by the size of the cluster; no longer than all cycles may last."""
    params = _long_params(problem)
    return replace(params, rounds=min(params.rounds, _all_rounds(problem, effort)))


def _long_params(problem: Problem) -> RepartitionParams:
    devices = problem.device_count
    if devices <= _SMALL_CLUSTER:
        copies = int(np.clip(_COPIES_DEVICES // devices, 1, 8))
        rounds = _CYCLE_ROUNDS if problem.mixable.any() else _FEWEST_ROUNDS
        return RepartitionParams(copies=copies, rounds=rounds, changes=6)
    return RepartitionParams(
        rounds=_CYCLE_ROUNDS if devices <= _LARGE_CLUSTER else _FEWEST_ROUNDS,
        hottest=1e-3,
        coldest=1e-5,
        log2_exponents=(5, 8),
    )


def _all_rounds(problem: Problem, effort: float) -> int:
    """Of all cycles together."""
    return max(1, round(effort * _ALL_ROUNDS / (3 if problem.item_count <= _FEW_ITEMS else 1)))


def _count(problem: Problem, effort: float) -> int:
    """How many cycles are worth their time; a whole effort has a second one in any case."""
    large = max(1, problem.device_count // _LARGE_CLUSTER)
    rounds = _params(problem, effort).rounds * large
    return max(1 if effort < 1 else 2, _all_rounds(problem, effort) // rounds)
