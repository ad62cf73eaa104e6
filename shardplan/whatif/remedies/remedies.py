"""What would give an infeasible spec a plan, the smallest change first."""

from __future__ import annotations

from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.spec.batches.batch import nearest_batches
from shardplan.spec.demands.constraint_spec import ConstraintSpec
from shardplan.spec.fields.amount import Amount
from shardplan.spec.spec import StateDtypeSpec
from shardplan.whatif.remedies.of_batches import of_batches
from shardplan.whatif.remedies.remedy import Remedy, some
from shardplan.workload.dtype import Dtype
from shardplan.workload.dynamic.dynamic import DynamicMode
from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.case import Case
    from shardplan.whatif.trials import Trials

_DEMANDS = tuple(key for key in ConstraintSpec.model_fields if key != "tables")
"""Keys of a constraint."""
_MORE_NODES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
_STEPS_PER_PERCENT = 2
"""In which reserves are tried."""
_TIERS = ("hbm", "ddr", "ssd")
"""In their order."""
_GROWTH = 4
"""By how much more tables to halve at once, where fewer were not enough."""

# How hard changes are, so that they can be sorted.
_DROPPED_DEMAND = 0.05
"""A demand less, beside the share of tables that are freed of it."""
_FREED_TABLES = 0.1
"""All tables freed of a demand."""
_WHOLE_RESERVE = 0.4
"""All of a reserve given up."""
_OTHER_PRECISION = 0.1
"""Tables of another precision, beside the share of them."""
_ALL_PRECISIONS = 0.3
"""All tables of another precision."""
_OTHER_OPTIMIZER = 0.5
_MORE_MACHINES = 0.3
"""More nodes, beside how many per node that is there: those count as they are."""


def remedies(trials: Trials) -> tuple[Remedy, ...]:
    """All that was found in the time given, the smallest change first."""
    found = [
        *_less_reserve(trials),
        *_fewer_demands(trials),
        *_freer_dynamic(trials),
        *_half_precision(trials),
        *_leaner_optimizer(trials),
        *_inexact_updates(trials),
        *of_batches(trials),
        *_more_nodes(trials),
    ]
    return tuple(sorted(found, key=lambda remedy: remedy.change))


def _fewer_demands(trials: Trials) -> Iterator[Remedy]:
    """Each key of each constraint left out by itself."""
    case = trials.case
    tables = case.workload.tables
    for number, written in enumerate(case.spec.constraints):
        for key in _DEMANDS:
            if trials.is_over:
                return
            if getattr(written, key) and trials.has_plan(partial(_without, case, number, key)):
                names = [tables[table].label for table in case.constraints[number].tables]
                words = f"without {key} in constraints[{number}], for {some(names)}"
                change = _DROPPED_DEMAND + _FREED_TABLES * len(names) / len(tables)
                yield Remedy(words, change)


def _without(case: Case, number: int, key: str) -> Case:
    """The case with a key less in one of its constraints."""
    constraints = list(case.spec.constraints)
    dropped = {key: ConstraintSpec.model_fields[key].get_default()}
    less = constraints[number].model_copy(update=dropped)
    constraints[number : number + 1] = [less] if any(getattr(less, k) for k in _DEMANDS) else []
    return case.with_(constraints=tuple(constraints))


def _less_reserve(trials: Trials) -> Iterator[Remedy]:
    """The largest reserve, in halves of a percent, with which a plan was found.

    A trial that the clock ended is no answer: what is larger than the reserve found may then do.
    """
    capacity = trials.case.capacity
    for tier, name in enumerate(_TIERS):
        raw = float(capacity.raw_bytes[tier])
        percent = 100 * float(capacity.reserve_bytes[tier]) / raw if raw else 0.0
        low, high = 0, ceil(percent * _STEPS_PER_PERCENT) - 1
        # A plan keeps when less is reserved, so that halving finds the most that leaves one.
        if high < 0 or not trials.has_plan(partial(_reserving, trials.case, name, 0.0)):
            continue
        open_before = trials.undecided
        while low < high:
            middle = (low + high + 1) // 2
            share = middle / _STEPS_PER_PERCENT
            if trials.has_plan(partial(_reserving, trials.case, name, share)):
                low = middle
            else:
                high = middle - 1
        found = low / _STEPS_PER_PERCENT
        more = _or("more", trials.undecided > open_before)
        words = f"a reserve of {found:g}%{more} instead of {percent:.3g}% of {name}"
        yield Remedy(words, _WHOLE_RESERVE * (percent - found) / percent)


def _reserving(case: Case, tier: str, percent: float) -> Case:
    kept = {tier: Amount(fraction=percent / 100)}
    return case.with_(reserve=case.spec.reserve.model_copy(update=kept))


def _freer_dynamic(trials: Trials) -> Iterator[Remedy]:
    """Dynamic tables whose values may lie wherever is best, in as much HBM as is best."""
    tables = trials.case.spec.tables
    chosen = [
        index
        for index, table in enumerate(tables)
        if table.dynamic
        and (table.dynamic.mode is not DynamicMode.AUTO or table.dynamic.hbm_for_values is not None)
    ]
    if chosen and trials.has_plan(partial(_freed, trials.case, chosen)):
        names = some([trials.case.workload.tables[index].label for index in chosen])
        words = f"dynamic: {{mode: auto}}, without hbm_for_values, for {names}"
        yield Remedy(words, _DROPPED_DEMAND + _FREED_TABLES * len(chosen) / len(tables))


def _freed(case: Case, chosen: Sequence[int]) -> Case:
    tables = list(case.spec.tables)
    for index in chosen:
        dynamic = tables[index].dynamic
        assert dynamic is not None
        free = dynamic.model_copy(update={"mode": DynamicMode.AUTO, "hbm_for_values": None})
        tables[index] = tables[index].model_copy(update={"dynamic": free})
    return case.with_(tables=tuple(tables))


def _half_precision(trials: Trials) -> Iterator[Remedy]:
    """fp16 weights, of the largest tables alone where that is enough."""
    tables = trials.case.workload.tables
    wide = [index for index, table in enumerate(tables) if table.dtype is Dtype.FP32]
    wide.sort(key=lambda index: -tables[index].rows * tables[index].row_bytes)
    count, open_before = 1, trials.undecided
    while wide and not trials.is_over:
        chosen = wide[:count]
        if trials.has_plan(partial(_halving, trials.case, chosen)):
            names = [tables[index].label for index in chosen]
            change = _OTHER_PRECISION + _ALL_PRECISIONS * len(chosen) / len(tables)
            fewer = _or("fewer", trials.undecided > open_before)
            yield Remedy(f"fp16 weights of {some(names)}{fewer}".removesuffix(","), change)
            return
        if len(chosen) == len(wide):
            return
        count *= _GROWTH


def _halving(case: Case, chosen: Sequence[int]) -> Case:
    tables = list(case.spec.tables)
    for index in chosen:
        tables[index] = tables[index].model_copy(update={"dtype": Dtype.FP16})
    return case.with_(tables=tuple(tables))


def _leaner_optimizer(trials: Trials) -> Iterator[Remedy]:
    training = trials.case.spec.training
    if not trials.case.workload.training.state.bytes_per_weight:
        return
    leaner = training.model_copy(
        update={
            "optimizer": Optimizer.ROWWISE_ADAGRAD,
            "optimizer_state_dtypes": StateDtypeSpec(),
            "use_rowwise_bias_correction": False,
        }
    )
    if trials.has_plan(partial(trials.case.with_, training=leaner)):
        words = f"the optimizer {Optimizer.ROWWISE_ADAGRAD} instead of {training.optimizer}"
        yield Remedy(words, _OTHER_OPTIMIZER)


def _inexact_updates(trials: Trials) -> Iterator[Remedy]:
    training = trials.case.spec.training
    if not trials.case.workload.training.keeps_columns_whole:
        return
    inexact = training.model_copy(update={"exact_updates": False})
    if trials.has_plan(partial(trials.case.with_, training=inexact)):
        words = "training.exact_updates: false, so that columns may be cut"
        yield Remedy(words, _OTHER_OPTIMIZER)


def _more_nodes(trials: Trials) -> Iterator[Remedy]:
    case = trials.case
    nodes, open_before = case.topology.nodes, trials.undecided
    for more in _MORE_NODES:
        if trials.is_over:
            return
        try:
            has_plan = trials.has_plan(partial(_of_nodes, case, nodes + more))
        except InputError:  # that many do not make up whole domains, or cannot reach one another
            continue
        if has_plan:
            fewer = _or("fewer", trials.undecided > open_before)
            words = f"{more} more node{'' if more == 1 else 's'}{fewer} of this kind"
            words += f" ({nodes + more})"
            samples = case.spec.batch.global_
            devices = (nodes + more) * case.topology.devices_per_node
            if samples is not None and samples % devices:
                words += f" and a global batch of {nearest_batches(samples, devices)}"
            yield Remedy(words, _MORE_MACHINES + more / nodes)
            return


def _of_nodes(case: Case, nodes: int) -> Case:
    return case.with_(machine=case.machine.with_nodes(nodes))


def _or(other: str, is_open: bool) -> str:
    """What may do as well, where trials of it ended by the clock: that is no answer."""
    return f", perhaps {other}," if is_open else ""
