"""Problems of a few options, of which a test names no more than it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.objective import ChainObjective
from shardplan.solve.problem.placement import Placement
from shardplan.solve.problem.problem import Problem, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from brute_force import Way
    from numpy.typing import ArrayLike


def problem_of(
    load_seconds: ArrayLike,
    *,
    options_per_item: ArrayLike = 1,
    shape: ArrayLike = Shape.DEVICE,
    units: ArrayLike = 1,
    device_bytes: ArrayLike = 0.0,
    node_bytes: ArrayLike = 0.0,
    devices: int = 2,
    nodes: int = 1,
    device_capacity: ArrayLike = 1.0,
    node_capacity: ArrayLike = 1.0,
    chain_of_stage: Sequence[int | tuple[int, ...]] | int = 0,
    chain_seconds: ArrayLike = (0.0,),
    domain: ArrayLike = 0,
    domains: ArrayLike | None = None,
    spill_seconds: ArrayLike = 0.0,
    **more: object,
) -> Problem:
    """Options with ``load_seconds`` (O, S), or (O,) in one stage; the rest is one number for all of
    a kind, or an array with one for each.

    By default an item has one option of one unit, which lands on any device and needs no memory.
    """
    load = np.asarray(load_seconds, dtype=np.float64)
    load = load.reshape(len(load), -1)
    options, stages = load.shape
    counts = np.asarray(options_per_item)
    if counts.ndim == 0:
        counts = np.full(options // int(counts), counts)
    return Problem(
        option_offsets=np.concatenate([[0], np.cumsum(counts)]),
        shape=_spread(shape, options, np.int8),
        units=_spread(units, options, np.int64),
        load_seconds=load,
        device_bytes=_table(device_bytes, options),
        node_bytes=_table(node_bytes, options),
        device_capacity=_table(device_capacity, devices),
        node_capacity=_table(node_capacity, nodes),
        objective=chained(
            [chain_of_stage] * stages if isinstance(chain_of_stage, int) else chain_of_stage,
            chain_seconds,
        ),
        domain=_spread(domain, options, np.int64),
        domains=np.ones((1, devices), bool) if domains is None else np.array(domains, bool),
        spill_seconds=np.broadcast_to(spill_seconds, load.shape).astype(np.float64),
        **more,
    )


def chained(
    chain_of_stage: Sequence[int | tuple[int, ...]], chain_seconds: ArrayLike, *more: object
) -> ChainObjective:
    """The chain of each stage, or its chains; and the seconds of each chain."""
    seconds = np.array(chain_seconds, dtype=np.float64)
    in_chain = np.zeros((len(chain_of_stage), len(seconds)), dtype=bool)
    for stage, chains in enumerate(chain_of_stage):
        in_chain[stage, chains] = True
    return ChainObjective(in_chain, seconds, *more)


def placed(ways: Iterable[Way]) -> Placement:
    """The placement of an option and its targets for each item."""
    options, targets = zip(*ways, strict=True)
    return Placement.of(np.array(options), [np.array(each, dtype=np.int64) for each in targets])


def _spread(values: ArrayLike, count: int, dtype: type) -> np.ndarray:
    """(count,): one for all, or as given."""
    return np.broadcast_to(np.asarray(values, dtype=dtype), count).copy()


def _table(values: ArrayLike, count: int) -> np.ndarray:
    """(count, tiers): one for all, one for each in one tier, or as given."""
    given = np.asarray(values, dtype=np.float64)
    return (
        given.copy()
        if given.ndim == 2
        else np.broadcast_to(given.reshape(-1, 1), (count, 1)).copy()
    )
