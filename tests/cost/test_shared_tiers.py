"""What the devices of a node wait for memory that they share, against devices that do share it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from analytic_cases import CLUSTER, cluster, model, options, table
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

EACH = 8
POOLINGS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 5.0, 5.0, 5.0)
NOWHERE = -1
PLACES = st.lists(
    st.integers(NOWHERE, EACH - 1), min_size=len(POOLINGS), max_size=len(POOLINGS)
).filter(lambda places: max(places) >= 0)


@dataclass(frozen=True)
class Shared:
    """The prefetch of whole tables from a tier of a node, without the look-up in directories."""

    work: np.ndarray
    """(tables,): what is fetched for each."""
    link: float
    """The most of it that a device fetches in a second; of ``tier``, that all of them do."""
    tier: float
    load: np.ndarray
    spill: np.ndarray
    """(tables,): seconds, as the cost model has them."""

    @classmethod
    @cache
    def of(cls, read_gb: float, *, ssd: bool = False) -> Shared:
        """Caches over DDR so fast, behind links of 64 GB/s, or over SSD, with nothing between."""
        fast = CLUSTER.replace("devices_per_node: 4", f"devices_per_node: {EACH}")
        rates = f"read: {2 * read_gb:g}GB/s, write: {2 * read_gb:g}GB/s"
        fast = fast.replace("read: 200GB/s, write: 160GB/s", rates)
        if ssd:
            fast = fast.replace("host_link: 64GB/s", "host_link: 1000000TB/s")
        tables = [table(f"t{i}", 1 << 20, pooling=p) for i, p in enumerate(POOLINGS)]
        costs = model(*tables, topology=cluster(1, fast))
        way = ("table_wise", "key_value" if ssd else "fused_uvm_caching", 1, 0.1, 0.0)
        chosen = options(*((at, *way) for at in range(len(tables))))
        found, shares = costs.unit_costs(chosen), costs.shares(chosen)
        prices = costs.profile.cache
        load = found.load_seconds[:, 1] - prices.per_id * shares.ids
        spill = found.spill_seconds[:, 1]
        if ssd:
            row = max(1 / 2e6, 4096 / 12e9) + max(1 / 2e6, 4096 / 6e9)
            return cls(shares.ssd_rows, math.inf, 1 / row, load, spill)
        work = shares.missed_rows * 256 / prices.path
        return cls(work, 64e9, read_gb * 1e9, load, spill)

    def true(self, places: list[int]) -> float:
        """Seconds until the last device of a node has fetched its part, all from the start.

        Those that still fetch share the tier evenly, and each is no faster than its link.
        """
        left, seconds = self.on(places, self.work), 0.0
        least = 1e-9 * left.max()
        while (busy := left > least).any():
            rate = min(self.link, self.tier / busy.sum())
            step = left[busy].min() / rate
            left, seconds = left - rate * step * busy, seconds + step
        return seconds

    def predicted(self, places: list[int]) -> float:
        """Seconds of the slowest device."""
        spilt = self.on(places, self.spill)
        return float((self.on(places, self.load) + spilt.sum() - spilt).max())

    def on(self, places: list[int], of_table: np.ndarray) -> np.ndarray:
        """(devices,): summed over the tables on each."""
        return np.array([of_table[np.array(places) == device].sum() for device in range(EACH)])


@given(PLACES, st.sampled_from([50, 100, 181, 300, 400, 512, 600]))
@examples(100)
def test_a_prediction_is_never_too_short_and_too_long_by_less_than_half(places, read_gb):
    """Of 8 devices at most by 2 sqrt(8) / (sqrt(8) + 1)."""
    shared = Shared.of(read_gb)
    true, found = shared.true(places), shared.predicted(places)
    assert true <= found * (1 + 1e-6)
    assert found <= true * 2 * math.sqrt(EACH) / (math.sqrt(EACH) + 1) * (1 + 1e-6)


@given(PLACES)
@examples(50)
def test_drives_are_waited_for_as_long_as_all_devices_of_the_node_need_them(places):
    shared = Shared.of(1e6, ssd=True)
    assert shared.predicted(places) == pytest.approx(shared.true(places), rel=1e-6)
    assert shared.true(places) == pytest.approx(shared.on(places, shared.work).sum() / shared.tier)


@pytest.mark.parametrize("read_gb", [50, 181, 300, 600])
@pytest.mark.parametrize("places", [[3] * 9, [NOWHERE, 0] * 4 + [0]])
def test_a_device_alone_waits_for_nobody(read_gb, places):
    shared = Shared.of(read_gb)
    assert shared.predicted(places) == pytest.approx(shared.true(places), rel=1e-6)


@pytest.mark.parametrize("read_gb", [50, 181, 300, 600])
def test_devices_that_all_fetch_alike_are_exact(read_gb):
    shared = Shared.of(read_gb)
    alike = shared.work[6] * np.ones(EACH)
    waits = shared.load[6] + (EACH - 1) * shared.spill[6]
    assert waits == pytest.approx(alike[0] / min(shared.link, shared.tier / EACH), rel=1e-6)


@given(PLACES)
@examples(50)
def test_where_links_are_the_narrower_nobody_waits_for_another(places):
    shared = Shared.of(600)
    assert not shared.spill.any()
    assert shared.predicted(places) == pytest.approx(shared.true(places), rel=1e-6)
