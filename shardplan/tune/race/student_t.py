"""Quantiles of Student's t, without a library of statistics."""

from __future__ import annotations

from functools import lru_cache
from math import exp, lgamma, log

_LARGEST = 1e6
"""Of a quantile; what is beyond is as good as infinite."""
_TINY = 1e-300
_TERMS = 300
_EXACT = 1e-12
_HALVINGS = 30
"""Of the interval that holds the quantile: nine digits."""


@lru_cache(maxsize=4096)
def t_quantile(tail: float, freedom: float) -> float:
    """The x that a t of so many degrees of freedom exceeds with the chance ``tail``, below 1/2."""
    low, high = 0.0, 1.0
    while t_tail(high, freedom) > tail and high < _LARGEST:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, freedom) > tail else (low, middle)
    return high


def t_tail(x: float, freedom: float) -> float:
    """The chance to exceed ``x``, which is not negative."""
    if x == 0:
        return 0.5
    return 0.5 * _beta_share(freedom / (freedom + x * x), freedom / 2, 0.5)


def _beta_share(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b)."""
    if x >= 1.0:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1 - x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """Its continued fraction, by Lentz's method (Press et al., Numerical Recipes, 6.4)."""
    c, d = 1.0, 1 / _safe(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for part in (even, odd):
            d, c = 1 / _safe(1 + part * d), _safe(1 + part / c)
            found *= d * c
        if abs(d * c - 1) < _EXACT:
            break
    return found


def _safe(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
