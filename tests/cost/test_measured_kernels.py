"""The shipped profiles against times that were measured."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from analytic_cases import profile

from shardplan.cost.lookup import LookupSums, host_rates
from shardplan.topology.collective import Collective

DATA = Path(__file__).parents[3] / "shared" / "data"
DIMS = [128, 64, 32, 16, 8, 4]
BATCH = 65_536


def h100_sums(unique_rows, state_elements=0):
    """NVIDIA/recsys-examples, dynamicemb: 10 tables, 2**20 ids, 128 columns fp32, no pooling."""
    ids, row_bytes = 2.0**20, 128 * 4
    return LookupSums(
        tables=np.array([10]),
        ids=np.array([ids]),
        read_bytes=np.array([ids * row_bytes]),
        unique_rows=np.array([unique_rows]),
        unique_bytes=np.array([unique_rows * row_bytes * (1 + state_elements)]),
        output_bytes=np.array([ids * row_bytes]),
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


def _cpu_sums():
    """One row per measured set of tables: the six sums, and milliseconds."""
    with (DATA / "dlrm856_tables.csv").open() as file:
        tables = list(csv.DictReader(file))
    pooling = np.array([float(t["pooling_factor"]) for t in tables])
    unique = np.array([float(t["est_unique_rows_in_batch65536"]) for t in tables])
    for line in (DATA / "cpu_embedding_costs_4procs.txt").read_text().splitlines():
        indices, cost = re.fullmatch(r"task: ([\d,]+) \| cost: ([\d.]+)", line).groups()
        index = np.array([int(i) for i in indices.split(",")])
        which, dim = index % 856, np.array(DIMS)[index // 856]
        ids, rows = BATCH * pooling[which], unique[which]
        yield [
            len(index), ids.sum(), (ids * dim * 4).sum(), rows.sum(), (rows * dim * 4).sum(),
            (BATCH * dim * 4).sum(), float(cost),
        ]  # fmt: skip


@pytest.mark.skipif(not DATA.is_dir(), reason="shared/data is not beside the project")
def test_cpu_profile_predicts_5019_measured_sets_of_tables():
    """Forward and backward together: mean error at most 13%, order nearly that of the measured."""
    *columns, milliseconds = np.array(list(_cpu_sums())).T
    sums, cpu = LookupSums(*columns), profile("cpu")
    seconds = sums.seconds(cpu.lookup_forward.hbm) + sums.seconds(cpu.update_backward.hbm)
    off = np.abs(seconds * 1e3 / milliseconds - 1)
    assert len(off) == 5_019
    assert off.mean() < 0.13
    ranks = [np.argsort(np.argsort(x)) for x in (seconds, milliseconds)]
    assert np.corrcoef(*ranks)[0, 1] > 0.97


@pytest.mark.skipif(not DATA.is_dir(), reason="shared/data is not beside the project")
def test_cpu_all_to_all_predicts_balanced_processes():
    """Where four processes own within 10% of the same columns: median error at most 15%."""
    curve, off = profile("cpu").scale_up.curves[Collective.ALL_TO_ALL, 4], []
    for line in (DATA / "cpu_alltoall_costs_4procs.txt").read_text().splitlines():
        dims, starts, forward, _ = ([float(x) for x in part.split(",")] for part in line.split())
        if max(dims) <= 1.1 * min(dims) and max(starts) <= 5:
            predicted = curve.seconds(BATCH * 4 * np.mean(dims)) * 1e3
            off.append(abs(predicted / max(forward) - 1))
    assert len(off) > 20
    assert np.median(off) < 0.15
