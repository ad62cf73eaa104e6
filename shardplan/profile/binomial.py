"""Chances of a row to be touched by a part of the accesses, exact for any number of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ONE_BY_ONE = 2**14
"""Factors of a product that are multiplied one by one; the others are integrated."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_FACTORIALS = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, 256)))])
_WIDTHS = 12.0
"""Standard deviations around a mean beyond which there is nothing to add up."""


def untouched(reads: NDArray[np.int64], draws: float, accesses: int) -> NDArray[np.float64]:
    """(C,): the chance that none of ``draws`` of the accesses is one of an id's ``reads``.

    ``C(m - c, x) / C(m, x)``, drawn without replacement: the product of ``1 - x / (m - i)`` over
    i below c, whose logarithms are summed up to 2^14 of them, and integrated beyond (the midpoint
    rule, by Gauss and Legendre), where logarithms of factorials would cancel each other.
    """
    found = np.zeros(len(reads))
    # With fewer accesses left than the id had, one of its reads is among those drawn.
    open_ = reads <= accesses - draws
    if not open_.any():
        return found
    one_by_one = int(min(reads[open_].max(), _ONE_BY_ONE))
    logs = np.zeros(one_by_one + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = 1.0 - draws / (accesses - np.arange(one_by_one, dtype=np.float64))
        np.cumsum(np.log(np.maximum(inside, 0.0)), out=logs[1:])
    few = open_ & (reads <= one_by_one)
    found[few] = np.exp(logs[reads[few]])
    many = open_ & ~few
    if many.any():
        low, high = one_by_one - 0.5, reads[many] - 0.5
        at = low + (high - low)[:, None] * (_NODES + 1) / 2
        slope = np.log1p(-np.minimum(draws / (accesses - at), 1.0))
        found[many] = np.exp(logs[-1] + (high - low) / 2 * (slope @ _WEIGHTS))
    return found


def binomial_shares(tries: int, chance: float, bins: int) -> NDArray[np.float64]:
    """(bins,): the chance of once, twice, 3 to 4 times, 5 to 8 and so on; the last bin is open."""
    if chance >= 1:
        number, mass = np.array([tries]), np.ones(1)
    else:
        mean = tries * chance
        reach = _WIDTHS * np.sqrt(mean * (1 - chance)) + _WIDTHS
        number = np.arange(max(0, int(mean - reach)), min(tries, int(mean + reach)) + 1)
        logs = _log_factorial(np.array([tries])) - _log_factorial(number)
        logs -= _log_factorial(tries - number)
        logs += number * np.log(chance) + (tries - number) * np.log1p(-chance)
        mass = np.exp(logs)
        mass /= mass.sum()  # what is cut off is nothing, and errors of large logarithms go
    touched = number > 0
    bin_of = np.ceil(np.log2(np.maximum(number, 1))).astype(np.int64)
    at = np.minimum(bin_of, bins - 1)[touched]
    found = np.zeros(bins)
    np.add.at(found, at, mass[touched])
    return found


def _log_factorial(number: NDArray[np.int64]) -> NDArray[np.float64]:
    """Stirling's series from 256 on, where its next term is below 1e-19."""
    large = np.maximum(number, 255).astype(np.float64)
    series = (large + 0.5) * np.log(large) - large + 0.5 * np.log(2 * np.pi)
    series += 1 / (12 * large) - 1 / (360 * large**3) + 1 / (1260 * large**5)
    return np.where(number < len(_FACTORIALS), _FACTORIALS[np.minimum(number, 255)], series)
