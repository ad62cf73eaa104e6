"""Ids that fill lists up are told from ids that stand at ends for other reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from shardplan.profile.count.list_ends import filler_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

LISTS, LONGEST, ROWS = 200, 12, 40


def lists(seed: int, least: int = 1) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(least, LONGEST + 1, LISTS)
    return [(rng.zipf(1.3, length) % ROWS + 1).tolist() for length in lengths]


def at_the_end(found: list[list[int]]) -> list[list[int]]:
    return [each + [0] * (LONGEST - len(each)) for each in found]


def at_the_begin(found: list[list[int]]) -> list[list[int]]:
    return [[0] * (LONGEST - len(each)) + each for each in found]


def by_batch(found: list[list[int]]) -> list[list[int]]:
    """As long as the longest of each ten."""
    tens = [found[at : at + 10] for at in range(0, LISTS, 10)]
    return [each + [7_000] * (max(map(len, ten)) - len(each)) for ten in tens for each in ten]


def rarely_an_id_too(found: list[list[int]]) -> list[list[int]]:
    found = at_the_end(found)
    found[0][0] = 0
    return found


def flat(found: list[list[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.array([i for each in found for i in each], np.int64), np.array([*map(len, found)])


@pytest.mark.parametrize("fill", [at_the_end, at_the_begin, by_batch, rarely_an_id_too])
def test_what_fills_lists_up_is_found_with_its_share(fill: Callable) -> None:
    ids, lengths = flat(fill(lists(0)))
    atom = 7_000 if fill is by_batch else 0
    found = filler_of("f", ids, lengths)
    assert found is not None
    assert (found.id, found.share) == (atom, (ids == atom).mean())


@pytest.mark.parametrize(
    "other",
    [
        lambda found: found,
        lambda found: [[*each, 0] for each in found],
        lambda found: [sorted(each, reverse=True) for each in found],
        lambda found: [sorted([1, *each]) for each in found],
        lambda found: [[-1] * (LONGEST - len(each)) + each for each in found],
        lambda found: [[each[0]] * LONGEST for each in found],
    ],
    ids=["random", "end mark", "falling", "rising", "no id", "alike"],
)
def test_other_ids_at_ends_fill_nothing(other: Callable) -> None:
    assert filler_of("f", *flat(other(lists(1)))) is None
    assert filler_of("f", np.zeros(0, np.int64), np.zeros(5, np.int64)) is None
