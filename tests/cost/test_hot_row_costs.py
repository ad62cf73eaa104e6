"""Hot rows on every device: as a data-parallel table beside a row-wise one, and by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from analytic_cases import cluster, load, model, options, profile, table

from shardplan.cost.analytic.collectives import Collectives
from shardplan.topology.collective import Collective, Scope
from shardplan.workload.access import Cdf, Uniform, Zipf
from shardplan.workload.training import Training

if TYPE_CHECKING:
    from shardplan.options.option_set import OptionSet

BATCH, DEVICES = 8_192, 8
ROWS, DIM = 1_000_000, 64
A2A = Collective.ALL_TO_ALL, Scope.ALL


def kept(hot_rows: int, at: int = 0) -> OptionSet:
    """The option of a table that keeps so many hot rows on every device."""
    plain = options((at, "hot_row_wise", "fused", 1))
    return replace(plain, hot_rows=np.array([hot_rows]))


def kept_load(cost_model, hot_rows):
    seconds = cost_model.unit_costs(kept(hot_rows)).load_seconds[0]
    return dict(zip([phase.name for phase in cost_model.phases], seconds.tolist(), strict=True))


def with_hot_ids(count=10**6, **of_table):
    return replace(table(**of_table), hot_ids=count)


def zipf_share(hot_rows: int, rows: int = ROWS, exponent: float = 1.05) -> float:
    """Of the accesses, those that the hottest rows draw: row by row."""
    chances = np.arange(1, rows + 1, dtype=np.float64) ** -exponent
    return float(chances[:hot_rows].sum() / chances.sum())


def per_output(dim=DIM, element_bytes=4):
    """Seconds on the wire of one sum that travels, and to add it where it comes from."""
    elements = BATCH * dim / DEVICES
    line = Collectives(cluster(), profile()).line(*A2A, elements * element_bytes)
    joined = 2 * dim * 4 / profile().dense_update_bytes_per_second
    return dim * element_bytes * line.seconds_per_byte + joined


def test_a_thousandth_of_the_rows_spares_the_exchange_what_their_ids_would_have_sent():
    """One id a sample: of B samples, those whose row is cold are sent, by each device its part."""
    rows = with_hot_ids(rows=ROWS, dim=DIM, pooling=1.0, access=Zipf(1.05))
    cost_model = model(rows, batch=BATCH)
    hot_rows = ROWS // 1000
    share = zipf_share(hot_rows)
    assert 0.60 < share < 0.61
    sent = BATCH * (1 - share) / DEVICES
    assert kept_load(cost_model, hot_rows)["output_comm"] == pytest.approx(
        sent * per_output(), rel=1e-3
    )
    ids = load(cost_model, "row_wise")["ids_comm"]
    lengths = 8 * BATCH / (8 * BATCH + 8 * BATCH / DEVICES) * ids
    assert kept_load(cost_model, hot_rows)["ids_comm"] == pytest.approx(
        lengths + (ids - lengths) * (1 - share), rel=1e-3
    )


@pytest.mark.parametrize(("pooling", "some"), [(1.0, 1), (3.0, 3), (0.25, 0.25)])
def test_a_bag_travels_from_a_device_that_has_any_of_its_rows(pooling, some):
    rows = with_hot_ids(rows=ROWS, dim=DIM, pooling=pooling, access=Zipf(1.05))
    cold = (1 - zipf_share(256)) / DEVICES
    touched = 1 - (1 - cold) ** some if some >= 1 else some * cold
    shares = model(rows, batch=BATCH).shares(kept(256))
    assert shares.outputs[0] == pytest.approx(BATCH * touched, rel=1e-3)


def test_bags_of_two_or_three_ids_are_a_mix_of_both():
    rows = with_hot_ids(rows=ROWS, dim=DIM, pooling=2.25, access=Zipf(1.05))
    two, three = (
        model(replace(rows, poolings=(n,)), batch=BATCH).shares(kept(64)).outputs[0]
        for n in (2.0, 3.0)
    )
    mixed = model(rows, batch=BATCH).shares(kept(64)).outputs[0]
    assert mixed == pytest.approx(0.75 * two + 0.25 * three)


def test_drawn_bags_touch_devices_as_often_as_predicted():
    """Of 3 ids a bag; rows lie on devices in turn."""
    rows, hot_rows, bags = 4_000, 100, 40_000
    access = Cdf(((hot_rows / rows, 0.6), (1.0, 1.0)))
    random = np.random.default_rng(0)
    is_hot = random.random((bags, 3)) < 0.6
    device = np.where(is_hot, -1, random.integers(0, DEVICES, (bags, 3)))
    drawn = np.mean([(device == each).any(axis=1).mean() for each in range(DEVICES)])
    predicted = model(with_hot_ids(rows=rows, pooling=3.0, access=access), batch=BATCH).shares(
        kept(hot_rows)
    )
    assert predicted.outputs[0] / BATCH == pytest.approx(drawn, rel=0.02)


def test_lookups_and_updates_are_those_of_a_data_parallel_table_and_of_a_row_wise_one():
    """Rows in two classes, so that the hot ones and the others are uniform tables by themselves."""
    share, hot_rows, rows, pooling = 0.6, 1_000, 100_000, 10.0
    access = Cdf(((hot_rows / rows, share), (1.0, 1.0)))
    whole = model(with_hot_ids(rows=rows, pooling=pooling, access=access), batch=BATCH)
    hot = model(table(rows=hot_rows, pooling=pooling * share, access=Uniform()), batch=BATCH)
    others = table(rows=rows - hot_rows, pooling=pooling * (1 - share), access=Uniform())
    apart = load(hot, "data_parallel"), load(model(others, batch=BATCH), "row_wise")
    found = kept_load(whole, hot_rows)
    cold = (1 - share) / DEVICES
    unsent = BATCH * (1 - cold) ** pooling
    costs = profile()
    for phase, kernel in (
        ("lookup_forward", costs.lookup_forward),
        ("update_backward", costs.update_backward),
    ):
        spared = unsent * DIM * 4 * kernel.hbm.per_output_byte
        both = apart[0][phase] + apart[1][phase]
        assert found[phase] == pytest.approx(both - spared, rel=1e-6), phase


def test_gradients_of_hot_rows_are_summed_over_all_devices():
    rows = with_hot_ids(rows=ROWS, dim=DIM, pooling=1.0, access=Zipf(1.05))
    cost_model = model(rows, batch=BATCH)
    per_row = load(cost_model, "data_parallel")["all_reduce"] / ROWS
    assert kept_load(cost_model, 4_096)["all_reduce"] == pytest.approx(4_096 * per_row)


def test_every_device_has_memory_for_hot_rows_their_state_and_their_gradient():
    """Beside what a row-wise table takes, less the buffers of what does not travel."""
    rows = with_hot_ids(rows=ROWS, dim=DIM, pooling=1.0, access=Zipf(1.05))
    cost_model = model(rows, batch=BATCH, training=Training())
    few, many = (cost_model.unit_costs(kept(n)) for n in (1_024, 65_536))
    shares = [cost_model.shares(kept(n)) for n in (1_024, 65_536)]
    more = (65_536 - 1_024) * (DIM * 4 + 4 + DIM * 4)
    sent = np.ceil(shares[0].most_outputs[0]) - np.ceil(shares[1].most_outputs[0])
    spared = sent * DIM * 8
    ids = 2 * 8 * (BATCH / DEVICES)
    found = float(many.memory_bytes[0, 0] - few.memory_bytes[0, 0])
    assert found == pytest.approx(more - spared, abs=ids)


def test_what_starts_once_is_paid_for_both_parts():
    rows = with_hot_ids(rows=ROWS, dim=DIM, pooling=1.0, access=Zipf(1.05))
    cost_model = model(rows, batch=BATCH)
    alone = [
        set(cost_model.charges(options((0, kind, kernel, 1))).of_used.names)
        for kind, kernel in (("data_parallel", "dense"), ("hot_row_wise", "fused"))
    ]
    names = set(cost_model.charges(kept(1_024)).of_used.names)
    assert names == alone[1] | alone[0]
