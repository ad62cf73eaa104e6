"""How far a problem is from having a placement: the least memory that would have to be added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.program.answer import Status
from shardplan.solve.program.backend import solve_program
from shardplan.solve.program.program import ProgramBuilder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.program.answer import Limits

_DEAREST = 1.001
"""What a byte of the first device tier counts, of the last node tier 1: ties go to the latter."""
_NEGLIGIBLE_BYTES = 1.0


@dataclass(frozen=True, slots=True)
class Missing:
    """Bytes to be added to the cluster, all devices or nodes together, tier by tier."""

    device_bytes: NDArray[np.float64]
    """(T,)"""
    node_bytes: NDArray[np.float64]
    """(U,)"""


def missing_in_total(problem: Problem, limits: Limits | None = None) -> Missing:
    """The least bytes with which the totals would suffice.

    All 0 when they do already; then what is short is room on single devices, not in total. All 0
    too where the ``limits`` leave no time to find out.
    """
    build, y = _choice(problem)
    total, capacity = _in_total(problem)
    unit = max(float(capacity.max(initial=0.0)), 1.0)
    tiers = np.arange(len(capacity))
    rows = build.add_rows("memory", [tiers], upper=capacity / unit)
    build.add_entries(rows[None, :], y[:, None], total / unit)
    prices = np.linspace(_DEAREST, 1.0, len(tiers))
    over = build.add_columns("over", [tiers], cost=prices)
    build.add_entries(rows, over, -1.0)
    answer = solve_program(build.build(), limits)
    missing = np.zeros(len(tiers))
    if answer.status is Status.OPTIMAL and answer.x is not None:
        # Of the choice itself, since the solver meets its rows to a tolerance alone.
        needs = _shares(problem, answer.x[y]) @ total
        missing = np.where(answer.x[over] * unit > _NEGLIGIBLE_BYTES, needs - capacity, 0.0)
    devices = problem.device_capacity.shape[1]
    return Missing(missing[:devices], missing[devices:])


def most_even_bytes(problem: Problem, limits: Limits) -> NDArray[np.float64] | None:
    """(T + U,): bytes in each tier, all devices or nodes together, where the fullest one is as
    little full as it can be.

    None where the ``limits`` leave no time to find out, or all there is needs a tier of no bytes.
    """
    build, y = _choice(problem)
    total, capacity = _in_total(problem)
    unit = max(float(capacity.max(initial=0.0)), 1.0)
    rows = build.add_rows("memory", [np.arange(len(capacity))], upper=0.0)
    build.add_entries(rows[None, :], y[:, None], total / unit)
    fill = build.add_columns("fill", [np.arange(1)], cost=1.0)
    build.add_entries(rows, fill, -capacity / unit)
    answer = solve_program(build.build(), limits)
    if answer.status is not Status.OPTIMAL or answer.x is None:
        return None
    needs: NDArray[np.float64] = _shares(problem, answer.x[y]) @ total
    return needs


def _choice(problem: Problem) -> tuple[ProgramBuilder, NDArray[np.int64]]:
    """A program with a share of each option, those of an item adding up to 1; its columns."""
    build = ProgramBuilder()
    y = build.add_columns("y", [np.arange(problem.option_count)])
    choose = build.add_rows("choose", [np.arange(problem.item_count)], lower=1.0, upper=1.0)
    build.add_entries(choose[problem.item_of_option], y, 1.0)
    return build, y


def _in_total(problem: Problem) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(O, T + U) bytes of each option; (T + U,) bytes there are."""
    total = np.hstack([problem.total_device_bytes, problem.total_node_bytes])
    capacity = np.hstack([problem.device_capacity.sum(axis=0), problem.node_capacity.sum(axis=0)])
    return total, capacity


def _shares(problem: Problem, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """(O,): what a solver found, so that those of an item add up to 1 exactly."""
    share = y.clip(min=0.0)
    found: NDArray[np.float64] = (
        share / np.add.reduceat(share, problem.option_offsets[:-1])[problem.item_of_option]
    )
    return found
