"""The cheapest choice of an option for every table that all memories together have room for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.solve.program.answer import Status
from shardplan.solve.program.backend import solve_program
from shardplan.solve.program.program import ProgramBuilder

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDING = 1e-9
"""Relative, of sums over many tables."""


@dataclass(frozen=True, eq=False, slots=True)
class Cheapest:
    """The least sum over tables, options taken in shares, and what more room would be worth.

    It is ``sum over tables of min over options of (cost + price @ bytes) - price @ offered``, which
    no choice that fits is below, whatever prices are taken (Lagrange's relaxation); the linear
    program finds those for which it is highest.
    """

    cost: float
    """Infinite where nothing fits."""
    prices: NDArray[np.float64]
    """(3,): by how much the cost falls with a byte more of each tier."""
    share: NDArray[np.float64]
    """(O,): how much of each option is taken; sums to 1 over a table."""

    @classmethod
    def of(
        cls,
        cost: NDArray[np.float64],
        memory_bytes: NDArray[np.float64],
        offered_bytes: NDArray[np.float64],
        starts: NDArray[np.int64],
    ) -> Self:
        """Of options with a ``cost`` (O,) and ``memory_bytes`` (O, 3) each, grouped by table at
        ``starts`` (T,), in ``offered_bytes`` (3,)."""
        free = np.zeros(memory_bytes.shape[1])
        share = _first_least(cost, starts)
        if (share @ memory_bytes <= offered_bytes).all():
            return cls(float(share @ cost) * (1 - _ROUNDING), free, share)
        if memory_can_not_hold(memory_bytes, offered_bytes, starts):
            return cls(float("inf"), free, share)
        return cls._by_program(cost, memory_bytes, offered_bytes, starts)

    @classmethod
    def _by_program(
        cls,
        cost: NDArray[np.float64],
        memory_bytes: NDArray[np.float64],
        offered_bytes: NDArray[np.float64],
        starts: NDArray[np.int64],
    ) -> Self:
        tables, tiers = len(starts), np.arange(len(offered_bytes))
        table = np.repeat(np.arange(tables), np.diff(starts, append=len(cost)))
        cost_unit = float(np.minimum.reduceat(cost, starts).sum()) / tables or 1.0
        byte_unit = np.maximum(offered_bytes, 1.0)
        build = ProgramBuilder()
        y = build.add_columns("y", [np.arange(len(cost))], cost=cost / cost_unit)
        used = build.add_columns("used", [tiers], upper=offered_bytes / byte_unit)
        choose = build.add_rows("choose", [np.arange(tables)], lower=1.0, upper=1.0)
        build.add_entries(choose[table], y, 1.0)
        memory = build.add_rows("memory", [tiers], lower=0.0, upper=0.0)
        build.add_entries(memory[None, :], y[:, None], memory_bytes / byte_unit)
        build.add_entries(memory, used, -1.0)
        answer = solve_program(build.build())
        if answer.status is Status.INFEASIBLE:
            return cls(float("inf"), np.zeros(len(tiers)), _first_least(cost, starts))
        assert answer.x is not None
        assert answer.column_duals is not None
        prices = np.maximum(-answer.column_duals[used], 0.0) * cost_unit / byte_unit
        found = lagrangian(cost, memory_bytes, offered_bytes, starts, prices)
        return cls(found, prices, answer.x[y])


def lagrangian(
    cost: NDArray[np.float64],
    memory_bytes: NDArray[np.float64],
    offered_bytes: NDArray[np.float64],
    starts: NDArray[np.int64],
    prices: NDArray[np.float64],
) -> float:
    """What no choice that fits is below, at these ``prices`` (3,) of a byte."""
    least = float(np.minimum.reduceat(cost + memory_bytes @ prices, starts).sum())
    return least * (1 - _ROUNDING) - float(prices @ offered_bytes) * (1 + _ROUNDING)


def memory_can_not_hold(
    memory_bytes: NDArray[np.float64],
    offered_bytes: NDArray[np.float64],
    starts: NDArray[np.int64],
) -> bool:
    """Whether all tables, each in its leanest option, need more bytes than there are in all."""
    leanest = float(np.minimum.reduceat(memory_bytes.sum(axis=1), starts).sum())
    return leanest > float(offered_bytes.sum()) * (1 + _ROUNDING)


def _first_least(cost: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(O,): 1 for the cheapest option of each table, the first of equals."""
    table = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(cost)))
    order = np.lexsort((cost, table))
    share = np.zeros(len(cost))
    share[order[starts]] = 1.0
    return share
