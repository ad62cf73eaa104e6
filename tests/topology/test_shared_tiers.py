"""The even part of a node's memory that each device is given, against devices that share it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_route import G, machine

LINK = 32.0 * G
LOADS = st.lists(st.floats(0.0, 100.0), min_size=8, max_size=8).filter(lambda loads: max(loads) > 1)


def slowest_when_shared(loads: list[float], link: float, tier: float) -> float:
    """Seconds until the last of the devices has read its bytes, all from the start.

    Those that still read share the tier evenly, and each reads no faster than its link.
    """
    left, seconds = np.array(loads), 0.0
    while (reading := left > 0).any():
        rate = min(link, tier / reading.sum())
        step = left[reading].min() / rate
        left = np.where(reading, (left - rate * step).clip(min=0.0), 0.0)
        left[left < 1e-9 * max(loads)] = 0.0
        seconds += step
    return seconds


def predicted(loads: list[float], tier: float) -> float:
    """Seconds of the device with most bytes, at the part that each is given."""
    topology = machine(node={"ddr": {"capacity": "1TB", "read": f"{tier / G:g}GB/s"}})
    assert topology.ddr is not None
    return max(loads) / topology.read_share_bytes_per_second(topology.ddr)


@given(LOADS, st.sampled_from([50 * G, 200 * G, 400 * G]))
def test_an_even_part_is_never_too_fast_and_too_slow_by_no_more_than_is_told(loads, tier):
    true, found = slowest_when_shared(loads, LINK, tier), predicted(loads, tier)
    assert true <= found * (1 + 1e-6)
    assert found <= true * max(1.0, 8 * LINK / tier) * (1 + 1e-6)


@pytest.mark.parametrize("loads", [[7.0] * 8, [7.0] * 7 + [0.0]])
def test_an_even_part_is_exact_where_all_devices_read_alike(loads):
    """With one of them idle it is too slow by an eighth of what there is."""
    true, found = slowest_when_shared(loads, LINK, 200 * G), predicted(loads, 200 * G)
    assert found == pytest.approx(true * 8 / np.count_nonzero(loads))


def test_an_even_part_is_exact_where_links_are_the_narrower():
    loads = [9.0, 1.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0]
    assert predicted(loads, 256 * G) == pytest.approx(slowest_when_shared(loads, LINK, 256 * G))


def test_a_single_reader_waits_longest_beyond_what_it_would():
    """8 devices of 32 GB/s at 200 GB/s: 25 in place of 32 GB/s."""
    loads = [5.0] + [0.0] * 7
    true = slowest_when_shared(loads, LINK, 200 * G)
    assert predicted(loads, 200 * G) == pytest.approx(true * 8 * 32 / 200)
