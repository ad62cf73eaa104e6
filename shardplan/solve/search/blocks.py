"""Neighbourhoods for the integer program: a few devices and all that lies on them alone.

A block is a problem of its own: the items whose units all lie inside may change option and place
within it; everything else on its devices is pinned. Blocks are small enough to be solved to
optimality or nearly so, one after the other, each around one of the slowest devices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from shardplan.solve.exact.assignment import assignment
from shardplan.solve.mixing.mixes_as_options import MixesAsOptions
from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.problem.variants import on_devices, paying, pinning, take
from shardplan.solve.program.answer import Limits, Watch
from shardplan.solve.program.backend import solve_program
from shardplan.solve.search.move import Move, Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shardplan.solve.search.record import Record


_MOST_DOUBLINGS = 10
"""Of programs, until they are as large as whole problems."""


@dataclass(frozen=True, slots=True)
class Blocks(Move):
    """Solve one block after the other, on small problems."""

    name: ClassVar[str] = "blocks"

    most_places: int = 1_000
    """Items times devices up to which it is worth its time in the first pass."""
    blocks: int = 40
    """In a restart."""
    devices: int = 3
    """Of a block in the first pass, and one more in each later one."""
    cells: int = 200
    """Variables times stages of the largest program that is worth its time in the first pass, and
    twice as many in each later one."""
    nodes: int = 200
    """Nodes of its branch-and-bound tree."""
    relative_gap: float = 1e-5

    def improve(self, record: Record, turn: Turn) -> None:
        """Solve blocks of the record's placement, if there is one, of few items on few devices."""
        most_places = self.most_places * max(1.0, turn.stretch)
        if record.placement is None or record.place_count > most_places:
            return
        record.reporter.starting("blocks")
        around = MixesAsOptions.of(record.problem, record.placement)
        found = improve_blocks(
            around.problem,
            around.start,
            around.allowed(record.worth_drawing()),
            self._of(turn),
            np.random.default_rng((record.budget.seed, turn.restart)),
            record.limits(self.nodes, self.relative_gap),
            Watch(record.should_stop),
        )
        record.offer_last(around.placement(found), "blocks")

    def _of(self, turn: Turn) -> Blocks:
        """More blocks, and each of another device, from pass to pass."""
        return replace(
            self,
            blocks=max(1, round(self.blocks * turn.stretch)),
            devices=self.devices + turn.number_of_pass,
            cells=self.cells * 2 ** min(turn.number_of_pass, _MOST_DOUBLINGS),
        )


def improve_blocks(
    problem: Problem,
    placement: Placement,
    allowed: NDArray[np.bool_],
    params: Blocks,
    rng: np.random.Generator,
    limits: Limits,
    watch: Watch,
) -> Placement:
    """Solve block after block; the result fits and is no slower than the placement given.

    ``limits`` are those of the program of each block.
    """
    work = _Work(problem, placement)
    for number in range(params.blocks):
        if watch.should_stop():
            break
        block = _Block.around(work, work.pick(number, params.devices, rng), allowed)
        if block is None:
            continue
        model = assignment(block.problem)
        if model.program.column_count * problem.stage_count > params.cells:
            continue
        before = evaluate(block.problem, block.placement).objective
        answer = solve_program(
            model.program,
            limits,
            start=model.point(block.placement),
            watch=watch,
        )
        if answer.x is None:
            continue
        found = model.placement(answer.x)
        after = evaluate(block.problem, found)
        if after.fits and after.objective <= before and not work.grows(block, found):
            work.apply(block, found)
    return work.placement()


class _Work:
    """The placement as it stands, by item, with its sums."""

    def __init__(self, problem: Problem, placement: Placement) -> None:
        self.problem = problem
        self.option = placement.option.copy()
        self.targets = [placement.targets_of(item) for item in range(problem.item_count)]
        state = evaluate(problem, placement)
        self.load, self.device_bytes = state.load_seconds, state.device_bytes
        self.node_bytes = state.node_bytes

    def placement(self) -> Placement:
        return Placement.of(self.option, self.targets)

    def pick(self, number: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """The slowest device of a stage, each stage in its turn, and others at random."""
        slowest = int(self.load[:, number % self.problem.stage_count].argmax())
        count = min(count, self.problem.device_count)
        others = rng.choice(self.problem.device_count, size=count, replace=False)
        return np.sort(np.append(others[others != slowest][: count - 1], slowest))

    def grows(self, block: _Block, found: Placement) -> bool:
        """Whether what a block's search found would make the whole objective longer.

        Only where units spill on other devices of their nodes, which a block does not see.
        """
        if not self.problem.has_spill:
            return False
        option, targets = self.option.copy(), list(self.targets)
        for item, chosen, places in block.as_found(found):
            option[item], targets[item] = chosen, places
        before = evaluate(self.problem, self.placement()).objective
        return evaluate(self.problem, Placement.of(option, targets)).objective > before

    def apply(self, block: _Block, found: Placement) -> None:
        """Take over what a block's search found."""
        for item, option, targets in block.as_found(found):
            self._add(item, -1.0)
            self.option[item], self.targets[item] = option, targets
            self._add(item, 1.0)

    def _add(self, item: int, sign: float) -> None:
        option, targets = int(self.option[item]), self.targets[item]
        problem = self.problem
        np.add.at(self.load, targets, sign * problem.own_seconds[option])
        np.add.at(self.device_bytes, targets, sign * problem.device_bytes[option])
        nodes = targets // problem.devices_per_node
        np.add.at(self.node_bytes, nodes, sign * problem.node_bytes[option])
        if problem.has_spill:
            by_node = self.load.reshape(problem.node_count, -1, problem.stage_count)
            np.add.at(by_node, nodes, sign * problem.spill_seconds[option])


@dataclass(frozen=True, slots=True)
class _Block:
    """A few devices as a problem: its first items are real ones, one more per device is pinned."""

    devices: NDArray[np.int64]
    items: list[int]
    option: NDArray[np.int64]
    """The option of the whole problem that each option of the block's real items is."""
    problem: Problem
    placement: Placement

    def as_found(self, found: Placement) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
        """Each real item with the option and the targets that a search found for it."""
        for position, item in enumerate(self.items):
            option = int(self.option[found.option[position]])
            yield item, option, self.devices[found.targets_of(position)]

    @classmethod
    def around(
        cls, work: _Work, devices: NDArray[np.int64], allowed: NDArray[np.bool_]
    ) -> _Block | None:
        whole = work.problem
        inside = np.zeros(whole.device_count, dtype=bool)
        inside[devices] = True
        items = [
            item
            for item, targets in enumerate(work.targets)
            if len(targets)
            and whole.shape[work.option[item]] == Shape.DEVICE
            and not whole.is_apart[item]
            and inside[targets].all()
        ]
        if not items:
            return None
        usable = allowed & (whole.shape == Shape.DEVICE) & (whole.units <= len(devices))
        usable[work.option[items]] = True
        spans = [
            np.flatnonzero(usable[s.start : s.stop]) + s.start for s in map(whole.options_of, items)
        ]
        option = np.concatenate(spans)
        position = np.full(whole.device_count, -1)
        position[devices] = np.arange(len(devices))
        placement = Placement.of(
            np.concatenate(
                [
                    [int(np.searchsorted(option, work.option[item])) for item in items],
                    len(option) + np.arange(len(devices)),
                ]
            ).astype(np.int64),
            [position[work.targets[item]] for item in items]
            + [np.array([d]) for d in range(len(devices))],
        )
        problem = _block_problem(work, devices, items, option)
        return cls(devices, items, option, problem, placement)


def _block_problem(
    work: _Work,
    devices: NDArray[np.int64],
    items: list[int],
    option: NDArray[np.int64],
) -> Problem:
    """Every device is a node of its own here, and has its share of its real node's free room.

    What units spill on other devices is left out; what they bear of it now is pinned with the rest.
    """
    whole = work.problem
    moving = _Moving.of(work, devices, items)
    node = devices // whole.devices_per_node
    room = (whole.node_capacity - work.node_bytes)[node].clip(min=0.0) / whole.devices_per_node
    free_of_charge = paying(whole, np.delete(work.option, items))
    alone = on_devices(take(free_of_charge, option), devices, np.floor(moving.shared + room))
    return pinning(
        alone,
        (work.load[devices] - moving.load).clip(min=0.0),
        (work.device_bytes[devices] - moving.bytes).clip(min=0.0),
        np.zeros((len(devices), whole.node_bytes.shape[1])),
    )


@dataclass(frozen=True, slots=True)
class _Moving:
    """What a block's real items put on its devices now."""

    load: NDArray[np.float64]
    bytes: NDArray[np.float64]
    shared: NDArray[np.float64]

    @classmethod
    def of(cls, work: _Work, devices: NDArray[np.int64], items: list[int]) -> _Moving:
        whole = work.problem
        position = np.full(whole.device_count, -1)
        position[devices] = np.arange(len(devices))
        where = np.concatenate([position[work.targets[item]] for item in items])
        option = np.concatenate(
            [np.full(len(work.targets[item]), work.option[item]) for item in items]
        )
        sums = []
        for per_unit in (whole.load_seconds, whole.device_bytes, whole.node_bytes):
            total = np.zeros((len(devices), per_unit.shape[1]))
            np.add.at(total, where, per_unit[option])
            sums.append(total)
        return cls(*sums)
