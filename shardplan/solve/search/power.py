"""Powers of loads, of which the smooth objective of search and repartition is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Real = TypeVar("Real", bound="np.floating[Any]")

LARGEST_RATIO = 3.9
"""Loads are cut off at this many times the reference, so that their 512th power stays finite."""


def raise_to(base: NDArray[Real], log2_exponent: int) -> NDArray[Real]:
    """``base ** (2 ** log2_exponent)``, in place."""
    for _ in range(log2_exponent):
        np.multiply(base, base, out=base)
    return base
