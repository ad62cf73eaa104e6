"""The dense part of a step, predicted from layers."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardplan import Settings, load, plan, verify
from shardplan.build_case import case_of_value
from shardplan.cost.dense.exposed import exposed_seconds
from shardplan.cost.dense.passes import OperationTime, passes
from shardplan.errors import InputError
from shardplan.explain.numbers.timeline import timeline
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.spec.spec import BatchSpec
from shardplan.topology.collective import Collective
from shardplan.workload.dense.dense_model import DenseModel
from shardplan.workload.dense.mlp import Mlp
from shardplan.workload.dense.parallel import Parallel
from shardplan.workload.dense.precision import Precision
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer

LAYERS = [
    {"mlp": [13, 512, 256, 128]},
    {"concat": {"width": 3456}},
    {"cross": {"width": 3456, "rank": 512, "layers": 3}},
    {"mlp": [3456, 1024, 1024, 512, 256, 1]},
]
"""Of DLRM-DCNv2."""


def spec(samples=6912, topology="dgx-h100", nodes=1, layers=LAYERS, **dense) -> dict:
    return {
        "batch": {"local": samples},
        "topology": {"name": topology, "nodes": nodes},
        "training": {"optimizer": "adagrad", "dense": {"layers": layers, **dense}},
        "tables": [{"name": "t", "rows": 1000, "dim": 128}],
    }


def dense_of(value: dict):
    return load(value).cost_model.dense


@pytest.mark.parametrize(
    ("topology", "samples", "milliseconds"),
    [
        ("dgx-h100", 6912, 2.16), ("dgx-h100", 2112, 0.85), ("dgx-h100", 1056, 0.56),
        ("dgx-h200", 6912, 1.82),
    ],
)  # fmt: skip
def test_both_passes_of_dlrm_dcnv2_take_what_was_computed_elsewhere(
    topology, samples, milliseconds
):
    """By another program from the same measured products; no constant is fitted to it. It draws
    straight lines between them, which on these devices whole waves of tiles are no better than.
    """
    found = dense_of(spec(samples, topology))
    assert found.forward_seconds + found.backward_seconds == pytest.approx(
        milliseconds * 1e-3, rel=0.015
    )


def test_its_parts_on_eight_h100_are_those_computed_elsewhere():
    case = load(spec())
    model, rates = case.workload.training.dense, case.cost_model.profile.dense
    times = passes(model, 6912, rates)
    products = sum(time.forward_products + time.backward_products for time in times)
    concat = [time for time in times if time.layer == 1]
    assert products == pytest.approx(1.08e-3, rel=0.01)
    assert sum(t.forward_moving + t.backward_moving for t in concat) == pytest.approx(
        0.07e-3, rel=0.03
    )


@pytest.mark.parametrize(
    "layer",
    [
        {"cross": {"width": 4096, "layers": 1}},
        {"attention": {"features": 32, "dim": 128}},
        {"fm": {"features": 32, "dim": 128, "columns": 16}},
        {"compression": {"features": 32, "dim": 128, "to": 16}},
        {"dot": {"features": 32, "dim": 128}},
    ],
    ids=lambda layer: next(iter(layer)),
)
def test_tables_get_a_gradient_from_the_first_layer_unless_it_takes_the_samples_themselves(layer):
    """What layers of vectors take backward is the same behind a concat; an MLP needs less first."""
    concat = {"concat": {"width": 4096}}
    rates = load(spec()).cost_model.profile.dense

    def products(*layers):
        model = load(spec(layers=list(layers))).workload.training.dense
        return sum(time.backward_products for time in passes(model, 6912, rates))

    assert products(layer) == products(concat, layer)
    mlp = {"mlp": [4096, 512]}
    assert products(concat, mlp) > 1.5 * products(mlp)


class StubWire:
    """A collective takes a start-up and a second per byte, by kind."""

    def __init__(self, start: float, per_byte: float) -> None:
        self.start, self.per_byte = start, per_byte

    def seconds(self, collective, scope, size_bytes):
        twice = 2 if collective is Collective.ALL_REDUCE else 1
        return self.start + twice * self.per_byte * size_bytes


def model_of(widths, parallel, bucket):
    return DenseModel(
        layers=tuple(Mlp((width, width)) for width in widths),
        precision=Precision.BF16,
        parallel=parallel,
        gradient_dtype=Dtype.FP16,
        optimizer=Optimizer.ADAM,
        bucket_bytes=bucket,
    )


def times_of(model, seconds):
    return [
        OperationTime(at, layer.parameters, each / 2, 0.0, each, 0.0)
        for at, (layer, each) in enumerate(zip(model.layers, seconds, strict=True))
    ]


WIDTHS = st.lists(st.integers(1, 40), min_size=1, max_size=6)
SECONDS = st.lists(st.floats(0, 10), min_size=6, max_size=6)


@given(WIDTHS, SECONDS, st.floats(0, 2), st.floats(0, 0.01), st.integers(1, 4000))
def test_exposed_is_the_latest_bucket_with_all_behind_it(widths, seconds, start, per_byte, bucket):
    """End = max over buckets l of (r_l + sum of c_j for j >= l), written out."""
    model = model_of(widths, Parallel.DDP, bucket)
    times = times_of(model, seconds[: len(widths)])
    ready, costs, filled, now = [], [], 0, 0.0
    for at in reversed(range(len(times))):
        now += times[at].backward_seconds
        filled += 2 * (widths[at] ** 2 + widths[at])
        if filled >= bucket or at == 0:
            ready.append(now)
            costs.append(start + 2 * per_byte * filled)
            filled = 0
    end = max(r + sum(costs[n:]) for n, r in enumerate(ready))
    found = exposed_seconds(model, times, StubWire(start, per_byte), 8)
    assert found == pytest.approx(max(0.0, end - now), abs=1e-9)


@given(
    WIDTHS,
    SECONDS,
    st.floats(0, 2),
    st.sampled_from([Parallel.FSDP, Parallel.HSDP]),
    st.integers(1, 4000),
)
def test_gathering_weights_exposes_between_its_first_collectives_and_all_of_them(
    widths, seconds, start, parallel, bucket
):
    """The first unit is gathered before anything runs, the last gradient after everything."""
    model = model_of(widths, parallel, bucket)
    times = times_of(model, seconds[: len(widths)])
    wire = StubWire(start, 0.001)
    weights = [0]
    for layer in model.layers:
        if weights[-1] >= bucket:
            weights.append(0)
        weights[-1] += layer.parameters * 2
    gathers = [start + 0.001 * size for size in weights]
    scatters = [start + 0.001 * size for size in weights]
    if parallel is Parallel.HSDP:
        scatters = [
            took + start + 2 * 0.001 * size / 8
            for took, size in zip(scatters, weights, strict=True)
        ]
    found = exposed_seconds(model, times, wire, 8)
    both = 2 * sum(gathers) + sum(scatters)
    busy = sum(time.forward_seconds + time.backward_seconds for time in times)
    assert found <= both + 1e-9
    assert found >= gathers[0] + gathers[-1] + scatters[0] - 1e-9
    assert found >= both - busy - 1e-9


def test_one_device_reduces_nothing():
    value = spec() | {"topology": {"name": "workstation"}}
    found = dense_of(value)
    assert found.all_reduce_seconds == 0
    assert found.forward_seconds > 0


@pytest.mark.parametrize("dtype", ["bf16", "fp32"])
def test_memory_is_parameters_with_their_state_and_what_the_backward_pass_needs(dtype):
    """Weights, gradients and Adagrad's sums in fp32, and a copy of the weights in two bytes."""
    with_layers = load(spec(dtype=dtype)).cost_model.base_memory_bytes[0]
    value = spec()
    value["training"]["dense"] = {}
    without = load(value).cost_model.base_memory_bytes[0]
    half = dtype == "bf16"
    each, kept = (14, 2 * 19073) if half else (12, 4 * 19073)
    assert with_layers - without == 16_046_081 * each + kept * 6912


def test_memory_that_is_given_stands_in_place_of_what_layers_need():
    value = spec()
    value["training"]["dense"] = {}
    without = load(value).cost_model.base_memory_bytes[0]
    given_bytes = load(spec(memory="3GiB")).cost_model.base_memory_bytes[0]
    assert given_bytes - without == 3 * 2**30


def test_fsdp_cuts_parameters_over_all_devices_and_hsdp_over_a_node():
    """What is kept of the samples stays; the two largest layers are gathered on top."""
    bytes_of = {
        parallel: load(
            spec(nodes=2, parallel=parallel, bucket="1KiB")
        ).cost_model.base_memory_bytes[0]
        for parallel in ("ddp", "fsdp", "hsdp")
    }
    whole = 16_046_081 * 14
    cross, top = 10_628_736, 5_245_953
    gathered = 2 * (cross + top)
    for parallel, pieces in (("fsdp", 16), ("hsdp", 8)):
        saved = bytes_of["ddp"] - bytes_of[parallel]
        assert saved == pytest.approx(whole * (1 - 1 / pieces) - gathered, abs=14)


def test_a_plan_tells_the_parts_carries_the_products_and_verifies():
    case = load(spec(128, nodes=2))
    made = plan(case, Settings("greedy"))
    written = json.loads(render(made))
    parts = written["prediction"]["dense_phases"]
    assert list(parts) == ["dense_forward", "dense_backward", "dense_all_reduce"]
    assert written["prediction"]["dense_seconds"] == pytest.approx(sum(parts.values()))
    again = parse_plan(json.dumps(written), "plan.json")
    assert verify(again) == ()
    spans = [span for span in timeline(again.prediction) if not span.is_hidden]
    names = [span.name for span in spans]
    assert names.index("dense_backward") == names.index("dense_forward") + 1
    assert names.index("dense_backward") < names.index("gradient_comm")
    assert names[-1] == "dense_all_reduce"
    assert spans[-1].end_seconds == pytest.approx(again.prediction.step_seconds)
    carried = case_of_value(again.resolved, "plan")
    assert carried.cost_model.dense == case.cost_model.dense
    larger = carried.with_(batch=BatchSpec(local=4096))
    assert larger.cost_model.dense == dense_of(spec(4096, nodes=2))
    bent = copy.deepcopy(written)
    bent["prediction"]["dense_phases"]["dense_forward"] *= 1.1
    findings = verify(parse_plan(json.dumps(bent), "plan.json"))
    assert [found.where for found in findings] == ["prediction.dense_phases.dense_forward"]


def test_a_plan_without_layers_carries_nothing_for_them():
    value = spec(128)
    value["training"]["dense"] = {"forward_ms": 1.0}
    written = json.loads(render(plan(load(value), Settings("greedy"))))
    assert "dense_phases" not in written["prediction"]
    carried = written["resolved"]["cost_model"]
    assert {"gemm", "elementwise"}.isdisjoint(carried)
    assert {"products", "moved", "tensor_peaks"}.isdisjoint(carried["sources"])
    assert "sweep" in carried["sources"]


def test_torchrecs_ruler_leaves_layers_out():
    assert dense_of(spec() | {"cost_model": "torchrec"}).seconds == 0


@pytest.mark.parametrize("key", ["gemm", "elementwise"])
def test_a_cost_model_without_products_is_refused_where_there_are_layers(key):
    value = spec() | {"topology": {"name": "dgx-h100"}}
    carried = copy.deepcopy(load(value).resolved["cost_model"])
    del carried[key]
    with pytest.raises(InputError):
        load(value | {"cost_model": carried})
    del carried["gemm" if key == "elementwise" else "elementwise"]
    with pytest.raises(InputError) as caught:
        load(value | {"cost_model": carried})
    (fault,) = caught.value.diagnostics
    assert fault.path == "training.dense.layers"
