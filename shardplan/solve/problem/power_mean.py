"""The power mean: a maximum over devices that is smooth, for a search to descend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Real = TypeVar("Real", bound="np.floating[Any]")

LARGEST_RATIO = 3.9
"""Loads are cut off at this many times the reference, so that their 512th power stays finite."""
LEAST_REFERENCE = 1e-9
"""Of a placement's longest stage: what shorter ones are measured in."""
LEAST_SECONDS = 1e-12
"""The same for a placement without any load."""


@dataclass(frozen=True, slots=True)
class PowerMean:
    """``reference * (mean over devices of (load / reference) ** exponent) ** (1 / exponent)``.

    It tends to the maximum as the exponent grows. Around a given state it is a sum over devices
    under a root, so that what disjoint devices gain adds up.
    """

    log2_exponent: int
    devices: int

    @property
    def exponent(self) -> int:
        """A power of 2, so that loads are raised to it by squaring."""
        return 1 << self.log2_exponent

    def powers(
        self, load: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """(R, S) references, (R, D, S) loads over them, and the powers of these.

        ``load`` (R, D, S); a reference is the load of a stage's slowest device.
        """
        reference = load.max(axis=1)
        floor = LEAST_REFERENCE * reference.max(axis=1, keepdims=True).clip(LEAST_SECONDS)
        reference = np.maximum(reference, floor)
        ratio = load / reference[:, None]
        return reference, ratio, self.raised(ratio.copy())

    def raised(self, ratio: NDArray[Real]) -> NDArray[Real]:
        """``ratio ** exponent``, in place."""
        for _ in range(self.log2_exponent):
            np.multiply(ratio, ratio, out=ratio)
        return ratio

    def seconds(
        self, mean_power: NDArray[np.float64], reference: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The power mean, from the mean over devices of the powers."""
        return reference * self._root(mean_power.clip(min=0.0))

    def slope(
        self, mean_power: NDArray[np.float64], reference: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Seconds of the power mean per unit of the sum over devices of the powers."""
        each = self._root(mean_power) / mean_power / (self.devices << self.log2_exponent)
        return reference * each

    def _root(self, mean_power: NDArray[np.float64]) -> NDArray[np.float64]:
        """``mean_power ** (1 / exponent)``, which has the same bits everywhere."""
        root = mean_power
        for _ in range(self.log2_exponent):
            root = np.sqrt(root)
        return root
