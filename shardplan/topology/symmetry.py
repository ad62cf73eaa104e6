"""Which vertices of a network are in the same position, so that one can stand for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def refine(
    colours: NDArray[np.int64],
    tail: NDArray[np.int64],
    head: NDArray[np.int64],
    labels: NDArray[np.int64],
) -> NDArray[np.int64]:
    """(V,): the colours split until equal vertices have equal neighbours over equal links.

    Colour refinement (the one-dimensional Weisfeiler-Leman algorithm). It tells apart exactly the
    vertices that no symmetry maps onto each other in trees, to which meshes and shared NICs add
    only complete parts. E links are given as ``tail``, ``head`` and ``labels``, each in both
    directions. Neighbourhoods are compared by 64-bit sums of hashes.
    """
    count = 0
    while (found := len(np.unique(colours))) > count:
        count = found
        seen = _mix(_mix(colours[head].astype(np.uint64)) + labels.astype(np.uint64))
        around = np.zeros(len(colours), dtype=np.uint64)
        np.add.at(around, tail, seen)
        signature = _mix(_mix(colours.astype(np.uint64)) ^ around)
        colours = np.unique(signature, return_inverse=True)[1].reshape(-1)
    return colours


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A bijective hash of 64-bit words: the finaliser of SplitMix64 (Steele et al., 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
