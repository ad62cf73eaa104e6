"""Limits of all stages at once: what D devices cannot keep, however they are filled.

The relaxation balances every stage perfectly. With few kinds of tables, or few of them on a device,
there are few ways to fill one, and what is best for one stage is not for another. For given limits
of the stages, ``enough_devices`` may prove that no placement keeps them; then none keeps lower ones
either, so that a placement exceeds one of these limits. So all better placements are above one of a
set of ``corners``, and the bound is the least objective above any of them. The corner with the
least is taken, limits above it are tried, and where they are proven too low, all corners below them
are raised. All that is done by each way to pay for groups with a charge.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.classes.item_classes import ItemClasses
from shardplan.solve.bound.corners import Above, Corners
from shardplan.solve.bound.enough_devices import DeviceParams, Devices
from shardplan.solve.bound.group_leaves import group_leaves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.program.answer import Limits, Watch


_ROUNDING = 1e-6
"""Relative difference by which a bound may miss one that is as high."""


@dataclass(frozen=True, slots=True)
class StageLimitParams:
    """Which limits are tried, and how many."""

    most_options: int = 400
    """Of all classes, beyond which nothing is tried."""
    most_group_programs: int = 300
    """Linear programs that tell apart which groups are paid for."""
    states: int = 6_000_000
    """Beginnings of patterns that are weighed, ..."""
    share_in_vain: float = 0.25
    """... of which so many may be before the bound is above what is known."""
    halvings: int = 9
    """From the limits that the objective sets down to the corner."""
    widenings: int = 3
    """Halvings by which one stage's limit is raised once the limits are too low."""
    most_corners: int = 3_000
    most_choices: int = 6
    """Of options, that are handed on; ..."""
    states_of_choice: int = 1_000_000
    """... beginnings of patterns that each is worth; ..."""
    choice_halvings: int = 6
    """... by which the narrowest limits are found that it keeps."""
    devices: DeviceParams = field(default_factory=DeviceParams)

    def deepened(self, effort: float) -> StageLimitParams:
        """With as many times the beginnings."""
        return replace(self, states=round(self.states * effort))


_USUAL = StageLimitParams()


@dataclass(frozen=True, slots=True)
class StageLimitProof:
    """What limits that cannot be kept have shown."""

    lower_bound: float
    """Seconds that no placement can beat, at most the best known; 0 where nothing is proven."""
    choices: tuple[NDArray[np.int64], ...] = ()
    """(I,) each: options of all items by which a placement may be better, the most promising
    first: for each way to pay for groups those of the least corner."""


def bound_by_stage_limits(
    problem: Problem,
    allowed: NDArray[np.bool_],
    *,
    upper_bound: float,
    limits: Limits,
    watch: Watch,
    params: StageLimitParams = _USUAL,
    lower_bound: float = 0.0,
) -> StageLimitProof:
    """Prove what placements below ``upper_bound`` seconds take at least.

    Where that does not come above ``lower_bound``, which is known, it is given up early.
    ``allowed`` (O,) are the options that such placements can be made of; no units are uneven, and
    no options can be mixed.
    """
    if not np.isfinite(upper_bound):
        return StageLimitProof(0.0)
    classes = ItemClasses.of(problem, allowed)
    if len(classes.options) > params.most_options:
        return StageLimitProof(0.0)
    leaves = [
        _Leaf(leaf, upper_bound, limits, params)
        for leaf in group_leaves(classes, upper_bound, limits, params.most_group_programs)
    ]
    states, known = params.states, lower_bound * (1 - _ROUNDING)
    in_vain = round(states * params.share_in_vain)
    while leaves and states > 0 and not (limits.until.is_over or watch.should_stop()):
        least = min(leaves, key=lambda leaf: leaf.corners.bound)
        if least.corners.bound >= upper_bound:
            break
        is_vain = least.corners.bound < known
        if is_vain and in_vain <= 0:
            break
        weighed = least.step(in_vain if is_vain else states)
        if weighed is None:
            break
        states, in_vain = states - weighed, in_vain - weighed
    leaves.sort(key=lambda leaf: leaf.corners.bound)
    proven = min((leaf.corners.bound for leaf in leaves), default=upper_bound)
    if proven <= lower_bound * (1 + _ROUNDING) and len(classes.count) == problem.item_count:
        return StageLimitProof(proven)  # all items differ, and it got nowhere: nor will its choices
    found = [leaf.choice(problem) for leaf in leaves[: params.most_choices]]
    return StageLimitProof(proven, _told_apart(found))


def _told_apart(
    choices: list[NDArray[np.int64] | None],
) -> tuple[NDArray[np.int64], ...]:
    """Each choice of options once, in their order."""
    found = {each.tobytes(): each for each in choices if each is not None}
    return tuple(found.values())


class _Leaf:
    """The placements by one way to pay for groups."""

    def __init__(
        self, classes: ItemClasses, upper_bound: float, limits: Limits, params: StageLimitParams
    ) -> None:
        self.corners = Corners(Above(classes, limits), upper_bound)
        self.corners.least()
        self._devices = Devices(classes, limits, params.devices)
        self._params = params

    def choice(self, problem: Problem) -> NDArray[np.int64] | None:
        """(I,): the options of all items by the least corner; None where no corner is left."""
        corner = self.corners.least()
        if corner is None:
            return None
        slack = self.corners.most(corner) - corner
        self._devices.states_left = self._params.states_of_choice
        found, low, high = None, 0.0, 1.0
        at = high
        for _ in range(self._params.choice_halvings + 1):
            self._devices.too_few(corner + at * slack, is_proof=False)
            shares = self._devices.shares(corner + at * slack)
            if shares is None:
                low = at
            else:
                found, high = shares, at
            at = (low + high) / 2
        return None if found is None else self._devices.classes.choice(problem, found)

    def step(self, states: int) -> int | None:
        """Raise the least corner, by ``states`` of patterns at most; tells how many it took, or
        None where it could not be raised."""
        corner = self.corners.least()
        if corner is None:
            return 0
        self._devices.states_left = states
        too_low = _limits_too_low(self._devices, corner, self.corners.most(corner), self._params)
        if too_low is None:
            return None
        self.corners.raise_above(too_low)
        if self.corners.count > self._params.most_corners:
            return None
        return states - self._devices.states_left + 1


def _limits_too_low(
    devices: Devices,
    corner: NDArray[np.float64],
    most: NDArray[np.float64],
    params: StageLimitParams,
) -> NDArray[np.float64] | None:
    """(S,): limits above a corner that no placement keeps, as wide as they are found."""
    limits = most
    values = devices.too_few(limits)
    for _ in range(params.halvings):
        if values is not None:
            break
        limits = (corner + limits) / 2
        values = devices.too_few(limits)
    if values is None:
        return None
    for stage in range(len(corner)):
        low, high = float(limits[stage]), float(most[stage])
        tried = high
        for _ in range(params.widenings + 1):
            if tried <= low:
                break
            wider = np.where(np.arange(len(corner)) == stage, tried, limits)
            if devices.proves(values, wider):
                limits, low = wider, tried
            else:
                high = tried
            tried = (low + high) / 2
            if low == most[stage]:
                break
    return limits
