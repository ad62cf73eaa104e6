"""The measurements that tell most about the coefficients of a linear model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_RIDGE = 1e-4
"""Of the information that is there before the first measurement: small, so that only what no
measurement tells rests on it."""
_SWEEPS = 4


def log_information(rows: Values, chosen: list[int]) -> float:
    """log det of ``ridge + sum of B' B`` over the chosen of (C, Q, K) blocks B of rows."""
    return float(np.linalg.slogdet(_information(rows, chosen))[1])


def d_optimal(rows: Values, count: int) -> list[int]:
    """``count`` of C candidates with about the largest determinant of information, most telling
    first.

    A candidate is measured once and gives Q equations in K coefficients: ``rows`` is (C, Q, K).
    Fedorov's exchange (Theory of Optimal Experiments, 1972), begun greedily: each candidate is
    given up in turn for the one that adds most in its place, until none is or after some sweeps.
    By the matrix determinant lemma B adds ``log det(1 + B M^-1 B')`` to the information M.
    """
    chosen = _greedy(rows, list(range(len(rows))), min(count, len(rows)))
    for _ in range(_SWEEPS):
        exchanged = [_exchange(rows, chosen, place) for place in range(len(chosen))]
        if not any(exchanged):
            break
    return _greedy(rows, chosen, len(chosen))


def _greedy(rows: Values, candidates: list[int], count: int) -> list[int]:
    left, chosen = list(candidates), []
    information = _information(rows, [])
    for _ in range(count):
        best = left.pop(int(_gains(information, rows[left]).argmax()))
        information += rows[best].T @ rows[best]
        chosen.append(best)
    return chosen


def _exchange(rows: Values, chosen: list[int], place: int) -> bool:
    """Put the best candidate in the place of one that is chosen; whether it is another one."""
    others = chosen[:place] + chosen[place + 1 :]
    gains = _gains(_information(rows, others), rows)
    gains[others] = -np.inf
    best = int(gains.argmax())
    if gains[best] <= gains[chosen[place]]:
        return False
    chosen[place] = best
    return True


def _gains(information: Values, rows: Values) -> Values:
    """(C,): what each candidate adds to the log of the determinant."""
    inverse = np.linalg.inv(information)
    inner = np.einsum("cqk,kl,crl->cqr", rows, inverse, rows, optimize=True)
    gains: Values = np.linalg.slogdet(np.eye(rows.shape[1]) + inner)[1]
    return gains


def _information(rows: Values, chosen: list[int]) -> Values:
    found: Values = _RIDGE * np.eye(rows.shape[2]) + np.einsum(
        "cqk,cql->kl", rows[chosen], rows[chosen]
    )
    return found
