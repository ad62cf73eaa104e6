"""Ids that only fill lists up: they stand at one end of lists, as many as need be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CANDIDATES = 8
"""Ids that stand at most ends, and are looked at."""
_LEAST_LISTS = 16
"""Of a kind, from which on they tell anything."""
_ELSEWHERE = 0.05
"""Share of a filler's reads that may be of an id like others, where lists have one length."""
_LONG = 4
"""Other ids of a list, from which on chance hardly puts them in order."""
_MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class Filler:
    """An id that fills the lists of a feature up."""

    feature: str
    id: int
    share: float
    """Of the ids that were looked at."""


def filler_of(feature: str, ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> Filler | None:
    """What fills lists up, whose ``ids`` stand one after the other; None where nothing does.

    That is an id of 0 or more that stands at the end of lists, more than once in some and not as
    often in others, and nowhere else (or hardly, where all lists have one length); or the same of
    their begin. Where lists are in the order of their ids, ids stand at ends for that reason.
    """
    lengths = lengths[lengths > 0]
    if len(lengths) < _LEAST_LISTS:
        return None
    for held, sizes in ((ids, lengths), (ids[::-1], lengths[::-1])):
        ends = np.cumsum(sizes)
        atoms, lists = np.unique(held[ends - 1], return_counts=True)
        for atom in atoms[np.argsort(-lists, kind="stable")[:_CANDIDATES]].tolist():
            if atom >= 0 and _fills(atom, held, sizes, ends):
                return Filler(feature, atom, float((ids == atom).mean()))
    return None


def _fills(
    atom: int, ids: NDArray[np.int64], lengths: NDArray[np.int64], ends: NDArray[np.int64]
) -> bool:
    is_atom = ids == atom
    others_so_far = np.cumsum(~is_atom)
    # Of the run at the end of its list is what no other id comes after.
    in_run = is_atom & (others_so_far == np.repeat(others_so_far[ends - 1], lengths))
    runs = np.add.reduceat(in_run.astype(np.int64), ends - lengths)
    runs = runs[runs > 0]
    elsewhere = 1 - runs.sum() / is_atom.sum()
    has_one_length = lengths[0] > 1 and (lengths == lengths[0]).all()
    if elsewhere > (_ELSEWHERE if has_one_length else 0) or len(runs) < _LEAST_LISTS:
        return False
    if runs.max() < 2 or runs.min() == runs.max():
        return False
    ordered = _ordered_share(ids, lengths, is_atom)
    return has_one_length if ordered is None else ordered < _MOSTLY


def _ordered_share(
    ids: NDArray[np.int64], lengths: NDArray[np.int64], is_atom: NDArray[np.bool_]
) -> float | None:
    """Of the long lists, how many have their other ids in order; None where too few are long."""
    of_list = np.repeat(np.arange(len(lengths)), lengths)[~is_atom]
    is_long = np.bincount(of_list, minlength=len(lengths)) >= _LONG
    if is_long.sum() < _LEAST_LISTS:
        return None
    others = ids[~is_atom]
    same, after = of_list[1:] == of_list[:-1], of_list[1:]
    rises = np.bincount(after[same & (others[1:] > others[:-1])], minlength=len(lengths))
    falls = np.bincount(after[same & (others[1:] < others[:-1])], minlength=len(lengths))
    return float(((rises == 0) | (falls == 0))[is_long].mean())
