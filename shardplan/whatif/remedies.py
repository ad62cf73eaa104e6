"""What would give an infeasible spec a plan, the smallest change first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from shardplan.workload.dtype import Dtype
from shardplan.workload.training import Optimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shardplan.whatif.variation import Trials

_KEYS = ("ranks", "apart", "together", "kernels", "sharding")
_MORE_NODES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
_TIERS = ("hbm", "ddr")


_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Remedy:
    """One change after which there is a plan; that was tried."""

    words: str
    change: float
    """How large it is: the share of tables, of the reserve or of nodes that is touched, weighed by
    how hard such things are to change."""


def remedies(trials: Trials) -> tuple[Remedy, ...]:
    """All that was found in the time given, the smallest change first."""
    found = [
        *_fewer_demands(trials),
        *_less_reserve(trials),
        *_half_precision(trials),
        *_leaner_optimizer(trials),
        *_more_nodes(trials),
    ]
    return tuple(sorted(found, key=lambda remedy: remedy.change))


def _fewer_demands(trials: Trials) -> Iterator[Remedy]:
    """Each key of each constraint left out by itself."""
    every = len(trials.case.workload.tables)
    for number, written in enumerate(trials.case.resolved.get("constraints", ())):
        for key in _KEYS:
            if written.get(key) and trials.has_plan(_dropping(number, key)):
                names = trials.names_of(number)
                words = f"without {key} in constraints[{number}], for {_some(names)}"
                yield Remedy(words, 0.05 + 0.1 * len(names) / every)


def _dropping(number: int, key: str) -> Callable[[dict[str, Any]], None]:
    def change(spec: dict[str, Any]) -> None:
        written = spec["constraints"][number]
        del written[key]
        if not any(written.get(each) for each in _KEYS):
            del spec["constraints"][number]

    return change


def _less_reserve(trials: Trials) -> Iterator[Remedy]:
    """The largest reserve, in whole percent, with which there is a plan."""
    capacity = trials.case.capacity
    for tier, name in enumerate(_TIERS):
        raw = float(capacity.raw_bytes[tier])
        percent = 100 * float(capacity.reserve_bytes[tier]) / raw if raw else 0.0
        low, high = 0, ceil(percent) - 1
        # A plan keeps when less is reserved, so that halving finds the most that leaves one.
        if high < 0 or not trials.has_plan(_reserving(name, 0)):
            continue
        while low < high:
            middle = (low + high + 1) // 2
            if trials.has_plan(_reserving(name, middle)):
                low = middle
            else:
                high = middle - 1
        words = f"a reserve of {low}% instead of {percent:.3g}% of {name}"
        yield Remedy(words, 0.4 * (percent - low) / percent)


def _reserving(tier: str, percent: int) -> Callable[[dict[str, Any]], None]:
    def change(spec: dict[str, Any]) -> None:
        spec["reserve"][tier] = f"{percent}%"

    return change


def _half_precision(trials: Trials) -> Iterator[Remedy]:
    """fp16 weights, of the largest tables alone where that is enough."""
    tables = trials.case.workload.tables
    wide = [index for index, table in enumerate(tables) if table.dtype is Dtype.FP32]
    wide.sort(key=lambda index: -tables[index].rows * tables[index].row_bytes)
    count = 1
    while wide and count:
        chosen = wide[:count]
        if trials.has_plan(partial(_halve, chosen)):
            names = [tables[index].name for index in chosen]
            yield Remedy(f"fp16 weights of {_some(names)}", 0.3 * count / len(tables) + 0.1)
            return
        count = 0 if count == len(wide) else min(len(wide), count * 4)


def _halve(tables: list[int], spec: dict[str, Any]) -> None:
    for index in tables:
        spec["tables"][index]["dtype"] = "fp16"


def _leaner_optimizer(trials: Trials) -> Iterator[Remedy]:
    training = trials.case.workload.training
    if training.optimizer not in (Optimizer.ADAM, Optimizer.ADAGRAD):
        return

    def change(spec: dict[str, Any]) -> None:
        spec["training"]["optimizer"] = str(Optimizer.ROWWISE_ADAGRAD)

    if trials.has_plan(change):
        yield Remedy(f"the optimizer rowwise_adagrad instead of {training.optimizer}", 0.5)


def _more_nodes(trials: Trials) -> Iterator[Remedy]:
    nodes = trials.case.topology.nodes
    for more in _MORE_NODES:
        if trials.has_plan(_adding(nodes + more)):
            words = f"{more} more node{'' if more == 1 else 's'} of this kind ({nodes + more})"
            yield Remedy(words, 0.3 + more / nodes)
            return


def _adding(nodes: int) -> Callable[[dict[str, Any]], None]:
    def change(spec: dict[str, Any]) -> None:
        spec["topology"]["nodes"] = nodes

    return change


def _some(names: list[str]) -> str:
    """The first few of several names, and how many more."""
    shown, more = ", ".join(names[:_MOST_NAMES]), len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
