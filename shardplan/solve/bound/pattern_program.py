"""May all devices stay below a load? Asked of whole device contents, of which there are few.

When no device may bear more than ``T``, all devices together may bear at most ``D * T``, and the
least that they can bear is the sum over items of the least total load among its options. What is
left between is *spare*. Idle seconds and options heavier than the least both come out of it::

    sum over devices of (T - load) + sum over items of extra[chosen option] = spare

where ``extra[o]`` is the total load of option ``o`` less the least of its item. This is an identity
and all its terms are at least 0, so each of them is at most ``spare``. If ``T`` is close to what
can be reached, ``spare`` is small, and only few sets of units can be the content of a device: they
are the *patterns*. Which of the all-device options are chosen, the *base*, is tried one by one.

For one base, an integer program asks for D patterns that together hold all units of one option per
item. Devices that are alike are not told apart, hence there is no symmetry, and loads appear
nowhere in it: it has small whole coefficients only. Its linear relaxation is strong, since mixtures
of patterns rarely hold every item once.

Node memory, domains and unlike devices are left aside, so that a "no" is always valid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.program.program import Program, ProgramBuilder

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SLACK = 1e-10
"""Relative allowance for rounding in sums of loads and bytes; a pattern in doubt is kept."""
_MOST_TRIALS = 2_000_000
"""Beginnings times additions that are weighed at once."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Whether all devices can stay below a load, and what each option takes of the spare."""

    problem: Problem
    seconds: float
    """What a device may bear."""
    spare_seconds: float
    """Of all devices together."""
    extra_seconds: NDArray[np.float64]
    """(O,)"""
    open: NDArray[np.bool_]
    """(O,): the options that the spare allows."""

    @classmethod
    def of(cls, problem: Problem, allowed: NDArray[np.bool_], seconds: float) -> Ceiling:
        """Close the options of the ``allowed`` (O,) that are above the ceiling or the spare."""
        seconds *= 1 + _SLACK
        total = np.where(
            allowed & (problem.load_seconds[:, 0] <= seconds),
            problem.total_load_seconds[:, 0],
            np.inf,
        )
        least = np.minimum.reduceat(total, problem.option_offsets[:-1])
        if not np.isfinite(least).all():
            return cls(problem, seconds, -np.inf, total, np.zeros(len(total), bool))
        spare = problem.device_count * seconds - float(least.sum())
        extra = total - least[problem.item_of_option]
        return cls(problem, seconds, spare, extra, extra <= spare)


@dataclass(frozen=True, slots=True)
class Base:
    """A choice of all-device options; all other items go onto single devices."""

    everywhere: tuple[int, ...]
    """The all-device options."""
    placed: tuple[int, ...]
    """The items that go onto single devices."""
    spare_seconds: float
    """What the choice leaves of the spare."""


def bases(ceiling: Ceiling, most: int) -> list[Base] | None:
    """All bases that the spare allows; None where there are more than ``most``."""
    shape = ceiling.problem.shape
    found = [Base((), (), ceiling.spare_seconds)]
    for item in range(ceiling.problem.item_count):
        options = [option for option in ceiling.problem.options_of(item) if ceiling.open[option]]
        everywhere = [option for option in options if shape[option] == Shape.ALL]
        placed = [option for option in options if shape[option] == Shape.DEVICE]
        longer = []
        for base in found:
            for option in everywhere:
                left = base.spare_seconds - float(ceiling.extra_seconds[option])
                longer.append(Base((*base.everywhere, option), base.placed, left))
            if placed:
                left = base.spare_seconds - float(ceiling.extra_seconds[placed].min())
                longer.append(Base(base.everywhere, (*base.placed, item), left))
        found = [base for base in longer if base.spare_seconds >= 0]
        if len(found) > most:
            return None
    return found


@dataclass(frozen=True, slots=True)
class Patterns:
    """What a device can hold beside a base."""

    base: Base
    options: NDArray[np.int64]
    """(K,): the options that patterns are made of."""
    counts: NDArray[np.int8]
    """(n, K): how many units of each option a pattern holds."""


def patterns(ceiling: Ceiling, base: Base, most: int) -> Patterns | None:
    """All contents of a device that the ceiling and the base allow; None where too many.

    Items are added one after the other, the heaviest first; ``most`` limits how many beginnings
    of patterns are held at once.
    """
    problem = ceiling.problem
    options, needs, limits = _window(ceiling, base)
    item = problem.item_of_option[options]
    weight = needs[:, 0] * problem.units[options]
    heaviest = np.array([weight[item == one].max() for one in base.placed])
    order = np.argsort(-heaviest, kind="stable")
    later = heaviest.sum() - np.cumsum(heaviest[order])
    floor = limits[0] - base.spare_seconds - _SLACK * ceiling.seconds
    empty = int((limits >= 0).all())
    held, counts = np.zeros((empty, len(limits))), np.zeros((empty, len(options)), dtype=np.int8)
    for position, rest in zip(order.tolist(), later.tolist(), strict=True):
        column, added = _additions(problem, options, np.flatnonzero(item == base.placed[position]))
        if len(held) * len(added) > _MOST_TRIALS:
            return None
        sums = held[:, None] + added[:, None] * needs[column]
        reaches = sums[:, :, 0] - sums[:, :, 1] + rest >= floor
        beginning, choice = np.nonzero(reaches & (sums <= limits).all(axis=2))
        if len(beginning) > most:
            return None
        held, counts = sums[beginning, choice], counts[beginning]
        counts[np.arange(len(counts)), column[choice]] = added[choice]
    for group in problem.apart:
        counts = counts[counts[:, np.isin(item, group)].sum(axis=1) <= 1]
    return Patterns(base, options, counts)


def _additions(
    problem: Problem, options: NDArray[np.int64], columns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(column, units) of all that a device may hold of an item, nothing first."""
    units = problem.units[options[columns]]
    column = np.concatenate([columns[:1], np.repeat(columns, units)])
    added = np.concatenate([[0], *[np.arange(1, most + 1) for most in units]])
    return column, added.astype(np.int64)


def _window(
    ceiling: Ceiling, base: Base
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The options of patterns, what a unit of each needs (K, 2 + T), and the limits (2 + T,).

    Needs are the load, the unit's part of the option's extra, and the bytes of each device tier.
    """
    problem, everywhere = ceiling.problem, list(base.everywhere)
    on_device = ceiling.open & (problem.shape == Shape.DEVICE)
    extra = np.where(on_device, ceiling.extra_seconds, np.inf)
    least = np.minimum.reduceat(extra, problem.option_offsets[:-1])[problem.item_of_option]
    options = np.flatnonzero(
        on_device
        & np.isin(problem.item_of_option, base.placed)
        & (extra <= least + base.spare_seconds)
    )
    needs = np.column_stack(
        [
            problem.load_seconds[options, 0],
            (extra[options] - least[options]) / problem.units[options],
            problem.device_bytes[options],
        ]
    )
    offered = problem.device_capacity.max(axis=0) * (1 + _SLACK)
    limits = np.concatenate(
        [
            [ceiling.seconds - problem.load_seconds[everywhere, 0].sum(), base.spare_seconds],
            offered - problem.device_bytes[everywhere].sum(axis=0),
        ]
    )
    return options, needs, limits


def pattern_program(problem: Problem, found: Patterns) -> Program:
    """One column per pattern, then one per option; nothing to minimise.

    devices    sum of patterns = D
    units      sum over patterns of the units of option o = units[o] * y[o]
    choose     sum over options of item i of y[o] = 1
    """
    build = ProgramBuilder()
    devices = problem.device_count
    pattern = build.add_columns(
        "pattern", [np.arange(len(found.counts))], upper=devices, integer=True
    )
    y = build.add_columns("y", [found.options], upper=1.0, integer=True)
    row = build.add_rows("devices", [np.array([0])], lower=devices, upper=devices)
    build.add_entries(row, pattern, 1.0)
    units = build.add_rows("units", [found.options], lower=0.0, upper=0.0)
    build.add_entries(units[None, :], pattern[:, None], found.counts)
    build.add_entries(units, y, -problem.units[found.options])
    items = np.array(found.base.placed, dtype=np.int64)
    choose = build.add_rows("choose", [items], lower=1.0, upper=1.0)
    item = problem.item_of_option[found.options]
    build.add_entries(choose[np.searchsorted(items, item)], y, 1.0)
    return build.build()
