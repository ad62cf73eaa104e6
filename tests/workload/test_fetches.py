"""Accesses that an on-chip cache misses, against simulated caches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_caches import least_recently_used

from shardplan.workload.access import Cdf, Uniform, Zipf

ACCESSES = [Uniform(), Zipf(0.8), Zipf(1.05), Zipf(1.5), Cdf(((0.05, 0.6), (1.0, 1.0)))]


def drawn(distribution, draws):
    """Rows, hottest first, that many accesses read."""
    counts = np.rint(distribution.counts).astype(int)
    chances = np.repeat(distribution.probabilities, counts)
    return np.random.default_rng(0).choice(len(chances), draws, p=chances / chances.sum())


@pytest.mark.parametrize("access", ACCESSES, ids=str)
@pytest.mark.parametrize("room", [50, 500, 2_000])
def test_misses_lie_between_those_of_real_caches(access, room):
    """From half to nine eighths of those of a cache that drops the least recently used row.

    The hottest rows held for good are the best that a cache can do; distinct rows are the least.
    """
    found = access.distribution(5_000, 1.0)
    accesses = drawn(found, 20_000)
    missed = float(found.fetches(20_000, np.array([float(room)]))[0])
    assert missed <= 1.125 * least_recently_used(accesses, room)
    assert missed >= 0.5 * least_recently_used(accesses, room)
    assert missed >= 0.99 * found.unique_rows(20_000)


def test_by_hand():
    """A thousand rows, all touched, of which 250 are held: 250 once, three quarters of the rest."""
    found = Uniform().distribution(1_000, 1.0)
    missed = found.fetches(1e6, np.array([0.0, 250.0, 1_000.0, 1e9]))
    assert missed == pytest.approx([1e6, 250 + 750_000, 1_000, 1_000])


@given(
    access=st.sampled_from(ACCESSES),
    rows=st.integers(1, 10**9),
    draws=st.floats(0, 1e8),
    room=st.floats(0, 1e9),
    more=st.floats(1, 100),
)
def test_room_spares_reads_but_never_the_first(access, rows, draws, room, more):
    found = access.distribution(rows, 1.0)
    none, some, much, whole = found.fetches(draws, np.array([0.0, room, room * more, 1e12]))
    assert none == pytest.approx(draws)
    assert whole == pytest.approx(found.unique_rows(draws), rel=1e-9, abs=1e-9)
    tolerance = 1e-9 * max(draws, 1.0)
    assert whole <= much + tolerance
    assert much <= some + tolerance
    assert some <= none + tolerance
