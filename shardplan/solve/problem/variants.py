"""Problems made of others: of some items, with something paid, left out, mixed or pinned."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from shardplan.solve.problem.problem import Problem, Shape, left_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_OF_OPTIONS = (
    "shape",
    "units",
    "load_seconds",
    "device_bytes",
    "node_bytes",
    "domain",
    "blend",
    "spill_seconds",
    "mean_seconds",
    "fullest",
)
"""The fields that have a row for each option."""
_OF_UNITS = ("load_seconds", "device_bytes", "node_bytes", "spill_seconds", "mean_seconds")
"""Of these, what one unit adds: of a mix, the sum in proportion."""


def take(problem: Problem, options: NDArray[np.bool_] | NDArray[np.int64]) -> Problem:
    """The problem of some options, a mask (O,) or rising numbers, and of the items they are of.

    An item of which no option is left goes with its options.
    """
    counts = np.bincount(problem.item_of_option[options], minlength=problem.item_count)
    kept = counts > 0
    number = np.cumsum(kept) - 1
    groups = (number[group[kept[group]]] for group in problem.apart)
    rows: dict[str, Any] = {
        name: getattr(problem, name)[options] for name in _there(problem, _OF_OPTIONS)
    }
    return replace(
        problem,
        option_offsets=np.concatenate([[0], np.cumsum(counts[kept])]),
        apart=tuple(group for group in groups if len(group)),
        objective=problem.objective.renumbered(np.arange(problem.option_count)[options]),
        **rows,
    )


def paying(problem: Problem, option: NDArray[np.int64]) -> Problem:
    """The same where what the (n,) options are charged for is paid whatever else is chosen."""
    if problem.objective.charges is None:
        return problem
    is_paid = problem.objective.uses(option) > 0
    return replace(problem, objective=problem.objective.paying(is_paid))


def without(problem: Problem, items: NDArray[np.bool_]) -> Problem:
    """The same items and options, where those of a mask (I,) cost nothing and need nothing."""
    gone = items[problem.item_of_option][:, None]
    rows: dict[str, Any] = {
        name: np.where(gone, 0.0, getattr(problem, name)) for name in _there(problem, _OF_UNITS)
    }
    return replace(problem, **rows)


def unmixed(problem: Problem) -> Problem:
    """The same, with every option for itself."""
    if not problem.mixable.any():
        return problem
    return replace(problem, blend=np.arange(problem.option_count))


def with_mix(problem: Problem, option: NDArray[np.int64], weights: NDArray[np.float64]) -> Problem:
    """One more option of each item, its last: a mix by ``weights`` (O,) of options like its
    ``option`` (I,). Nothing can be mixed then."""
    ends = problem.option_offsets[1:]

    def extended(name: str) -> NDArray[Any]:
        rows = getattr(problem, name)
        own = problem.weighed(weights, rows) if name in _OF_UNITS else rows[option]
        return np.insert(rows, ends, own, axis=0)

    offsets = problem.option_offsets + np.arange(problem.item_count + 1)
    rows: dict[str, Any] = {name: extended(name) for name in _there(problem, _OF_OPTIONS)}
    source = np.insert(np.arange(problem.option_count), ends, option)
    objective = problem.objective.renumbered(source)
    return unmixed(replace(problem, option_offsets=offsets, objective=objective, **rows))


def with_stages(problem: Problem, groups: Sequence[Sequence[int]]) -> Problem:
    """One stage for each group of stages, which are of the same chains; loads add up."""
    merge = np.zeros((problem.stage_count, len(groups)))
    for merged, stages in enumerate(groups):
        merge[stages, merged] = 1.0
    return replace(
        problem,
        load_seconds=problem.load_seconds @ merge,
        spill_seconds=problem.spill_seconds @ merge,
        mean_seconds=problem.average_seconds @ merge if problem.is_uneven else left_out(),
        objective=problem.objective.merged(groups),
    )


def pinning(
    problem: Problem,
    load_seconds: NDArray[np.float64],
    device_bytes: NDArray[np.float64],
    node_bytes: NDArray[np.float64],
) -> Problem:
    """One more item for each device, which bears there what is pinned on it.

    ``load_seconds`` (D, S), ``device_bytes`` (D, T) and ``node_bytes`` (D, U).
    """
    devices, before = problem.device_count, problem.option_count
    every = np.arange(devices)
    source = np.append(np.arange(before), np.full(devices, -1))
    more = {
        "shape": np.full(devices, Shape.DEVICE, dtype=np.int8),
        "units": np.ones(devices, dtype=np.int64),
        "load_seconds": load_seconds,
        "device_bytes": device_bytes,
        "node_bytes": node_bytes,
        "domain": len(problem.domains) + every,
        "blend": before + every,
        "spill_seconds": np.zeros_like(load_seconds),
        "mean_seconds": load_seconds,
        "fullest": np.zeros(devices, dtype=np.int64),
    }
    rows: dict[str, Any] = {
        name: np.concatenate([getattr(problem, name), more[name]])
        for name in _there(problem, _OF_OPTIONS)
    }
    return replace(
        problem,
        option_offsets=np.append(problem.option_offsets, before + 1 + every),
        domains=np.vstack([problem.domains, np.eye(devices, dtype=bool)]),
        objective=problem.objective.renumbered(source),
        **rows,
    )


def on_devices(
    problem: Problem, devices: NDArray[np.int64], node_capacity: NDArray[np.float64]
) -> Problem:
    """Some devices alone, each a node of its own with ``node_capacity`` (devices, U).

    Options are of shape DEVICE; what their units spill on neighbours is left out.
    """
    return replace(
        problem,
        device_capacity=problem.device_capacity[devices],
        node_capacity=node_capacity,
        domains=problem.domains[:, devices],
        spill_seconds=np.zeros_like(problem.load_seconds),
    )


def _there(problem: Problem, names: Sequence[str]) -> tuple[str, ...]:
    """Fields with a row for each option, but for what is left out."""
    return tuple(name for name in names if name != "mean_seconds" or len(problem.mean_seconds))
