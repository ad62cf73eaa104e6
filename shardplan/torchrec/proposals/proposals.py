"""What TorchRec's planner proposes by default, in its order."""

from __future__ import annotations

import heapq
from itertools import product
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from torchrec.distributed.planner.proposers import MAX_PROPOSALS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shardplan.torchrec.proposals.search_space import SearchSpace


def proposals(space: SearchSpace) -> Iterator[NDArray[np.intp]]:
    """(T,) each: the option of every table, of all that TorchRec 1.8's four proposers propose.

    None of them heeds what became of its proposals, so that they are known without placing any.
    """
    if prod(map(len, space.options)) <= MAX_PROPOSALS:
        for each in product(*(range(len(options)) for options in space.options)):
            yield np.array(each, dtype=np.intp)
    yield from _greedy(space, space.depth)
    yield from _greedy(space, space.breadth)
    yield from _uniform(space)


def _greedy(space: SearchSpace, milliseconds: NDArray[np.float64]) -> Iterator[NDArray[np.intp]]:
    """``GreedyProposer``: the quickest option of each table, then the table that takes most memory
    goes on to its next one, until the largest have none left."""
    order = np.argsort(milliseconds, axis=1, kind="stable")
    step = np.zeros(space.table_count, dtype=np.intp)
    waiting = [_turn(space, order, table, 0) for table in range(space.table_count)]
    turns = [turn for turn in waiting if turn is not None]
    heapq.heapify(turns)
    while True:
        yield order[np.arange(space.table_count), step]
        if not turns or not any(turns[0][0]):
            return
        _, table = heapq.heappop(turns)
        step[table] += 1
        if (turn := _turn(space, order, table, int(step[table]))) is not None:
            heapq.heappush(turns, turn)


def _turn(
    space: SearchSpace, order: NDArray[np.intp], table: int, step: int
) -> tuple[tuple[float, ...], int] | None:
    """By what a table comes before others: its bytes, then its place; None with its last option."""
    if step + 1 >= len(space.options[table]):
        return None
    return tuple((-space.sizes[table, order[table, step]]).tolist()), table


def _uniform(space: SearchSpace) -> Iterator[NDArray[np.intp]]:
    """``UniformProposer``: of each sharding type that all tables have, the quickest option."""
    kinds = dict.fromkeys(each.sharding_type for options in space.options for each in options)
    for kind in kinds:
        found = []
        for table, options in enumerate(space.options):
            of_kind = [n for n, each in enumerate(options) if each.sharding_type == kind]
            if not of_kind:
                break
            found.append(of_kind[int(space.depth[table, of_kind].argmin())])
        else:
            yield np.array(found, dtype=np.intp)
