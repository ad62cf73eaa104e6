"""The shipped profiles against times that were measured."""

from __future__ import annotations

import numpy as np
import pytest
from analytic_cases import profile

from shardplan.cost.analytic.lookup import LookupSums, host_rates


def h100_sums(unique_rows, state_elements=0):
    """NVIDIA/recsys-examples, dynamicemb: 10 tables, 2**20 ids, 128 columns fp32, no pooling.

    The distinct rows of each table fit into the on-chip cache, so that each is read once.
    """
    ids, row_bytes = 2.0**20, 128 * 4
    return LookupSums(
        tables=np.array([10]),
        ids=np.array([ids]),
        read_bytes=np.array([unique_rows * row_bytes]),
        cached_bytes=np.array([(ids - unique_rows) * row_bytes]),
        fetches=np.array([unique_rows]),
        unique_rows=np.array([unique_rows]),
        unique_bytes=np.array([unique_rows * row_bytes * (1 + state_elements)]),
        output_bytes=np.array([ids * row_bytes]),
        gathered_bytes=np.zeros(1),
    )


@pytest.mark.parametrize(
    ("phase", "state_elements", "milliseconds"),
    [("lookup_forward", 0, 0.345), ("update_backward", 0, 0.61), ("update_backward", 2, 1.00)],
)
def test_h100_in_hbm(phase, state_elements, milliseconds):
    """Forward, backward with SGD and with Adam, within 8% of the measurement."""
    costs = getattr(profile("h100"), phase)
    seconds = costs.launch_seconds + h100_sums(350e3, state_elements).seconds(costs.hbm)[0]
    assert seconds * 1e3 == pytest.approx(milliseconds, rel=0.08)


@pytest.mark.parametrize(
    ("phase", "state_elements", "milliseconds"),
    [("lookup_forward", 0, 7.93), ("update_backward", 0, 5.63), ("update_backward", 2, 16.1)],
)
def test_h100_in_host_memory(phase, state_elements, milliseconds):
    """Over 64 GB/s of PCIe, within 5% of the measurement."""
    costs = getattr(profile("h100"), phase)
    rates = host_rates(costs, 64e9, 64e9)
    seconds = costs.launch_seconds + h100_sums(434e3, state_elements).seconds(rates)[0]
    assert seconds * 1e3 == pytest.approx(milliseconds, rel=0.05)
