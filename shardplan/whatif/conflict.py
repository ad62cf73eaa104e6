"""The facts of an infeasible spec that leave no plan together, and would if one were missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.units import format_bytes
from shardplan.whatif.remedies.of_batches import halved_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shardplan.whatif.trials import Trials

_MOST_TOLD = 8
"""Tables, and constraints, that are told one by one."""
_ENDLESS_BYTES = 2**60
"""More than any tables need."""


def conflict(trials: Trials) -> tuple[str, ...]:
    """Facts, each needed, as far as the time allows to show that.

    A deletion filter (Chinneck, "Feasibility and Infeasibility in Optimization", 2008, section
    6.2): what can be left out with no plan still possible is left out for good. Constraints and
    tables go in halves, then one by one.
    """
    constraints = list(range(len(trials.case.spec.constraints)))
    tables = list(range(len(trials.case.workload.tables)))
    if constraints and trials.with_only(tables, []) is False:
        constraints = []
    constraints = least_subset(
        constraints,
        lambda rest: trials.with_only(tables, rest) is False,
        lambda: trials.is_over,
    )
    tables = least_subset(
        tables,
        lambda rest: trials.with_only(rest, constraints) is False,
        lambda: trials.is_over,
    )
    return tuple(_facts(trials, tables, constraints))


def least_subset(
    every: list[int], still: Callable[[list[int]], bool], is_over: Callable[[], bool]
) -> list[int]:
    """A smallest subset, by inclusion, for which ``still`` holds; when time is over, what is left
    by then."""
    kept, size = every, max(1, len(every) // 2)
    while not is_over():
        for first in range(0, len(kept), size):
            if is_over():
                return kept
            rest = kept[:first] + kept[first + size :]
            if rest and still(rest):
                kept = rest
                break
        else:
            if size == 1:
                break
            size = max(1, size // 2)
    return kept


def _facts(trials: Trials, tables: list[int], constraints: list[int]) -> Iterator[str]:
    case, is_open = trials.case, trials.is_over or trials.undecided > 0
    fewer = ", or fewer" if is_open else ""
    all_told = max(len(tables), len(constraints)) <= _MOST_TOLD
    if len(tables) > _MOST_TOLD:
        yield f"{len(tables):,} of {len(case.workload.tables):,} tables{fewer}"
    else:
        for index in tables:
            table = case.workload.tables[index]
            asked = "" if table.dynamic is None else f", dynamic: {table.dynamic.mode}"
            yield f"table {table.label}: {table.rows:,} rows x {table.dim} {table.dtype}{asked}"
    told = constraints
    if len(constraints) > _MOST_TOLD:
        yield f"{len(constraints):,} of {len(case.spec.constraints):,} constraints{fewer}"
        told = []
    for number in told:
        written = case.spec.constraints[number].model_dump(mode="json", exclude={"tables"})
        demands = (f"{key}: {_words(value)}" for key, value in written.items() if value)
        yield f"constraints[{number}]: {', '.join(demands)}"
    yield from _inputs(trials, tables, constraints)
    # With memory without end, what leaves no plan still is no matter of memory.
    roomy = case.machine.with_room(_ENDLESS_BYTES)
    if trials.has_plan(lambda: case.with_(machine=roomy)) is not False:
        yield _memory(trials)
    if all_told and (trials.is_over or trials.undecided):
        yield "or fewer of these: the time was too short to try without each"


def _inputs(trials: Trials, tables: list[int], constraints: list[int]) -> Iterator[str]:
    """What a step reads, where of much fewer samples there would be a plan: then it is a fact too,
    however small the tables are."""
    case = trials.case
    batches = halved_batches(case)
    if not batches or not trials.has_plan(
        lambda: trials.only(tables, constraints).with_(batch=batches[-1])
    ):
        return
    read = []
    for index in tables if len(tables) <= _MOST_TOLD else ():
        table = case.workload.tables[index]
        most = f" ({table.cap:,.6g} at most)" if table.cap > table.ids_per_sample else ""
        times = table.outputs_per_sample
        pooled = f" in {times:,.6g} poolings" if times > len(table.features) else ""
        read.append(f"{table.ids_per_sample:,.6g} of {table.label}{pooled}{most}")
    each = f", each with so many ids: {', '.join(read)}" if read else ""
    yield f"a batch of {case.samples:,} samples over all devices{each}"


def _memory(trials: Trials) -> str:
    capacity, topology = trials.case.capacity, trials.case.topology
    free = capacity.free_bytes
    devices = f"{topology.world_size:,} device{'' if topology.world_size == 1 else 's'}"
    words = f"{devices} with {format_bytes(max(free[0], 0.0))} of hbm each"
    if capacity.raw_bytes[1]:
        words += (
            f", {topology.nodes:,} node{'' if topology.nodes == 1 else 's'} with "
            f"{format_bytes(max(free[1], 0.0))} of ddr each"
        )
    groups = f" in each of {topology.groups:,} groups" if topology.groups > 1 else ""
    return f"{words}{groups}, after reserve and the rest of the model"


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value).lower()
