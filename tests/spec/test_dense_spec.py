"""``training.dense.layers`` as written: what is read, what is refused, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardplan.spec.build_workload import build_workload
from shardplan.spec.load import load_document, spec_from_value
from shardplan.spec.text.document import read_document
from shardplan.workload.dense.cross import Cross
from shardplan.workload.dense.layer_kinds import LAYER_KINDS
from shardplan.workload.dense.mlp import Mlp
from shardplan.workload.dense.parallel import Parallel
from shardplan.workload.dense.precision import Precision
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer

HEAD = """\
batch: {local: 512}
topology: dgx-h100
tables: [{name: a, rows: 10, dim: 8}]
training:
  optimizer: adam
  dense:
"""
"""What is added begins in line 7."""
EVERY_KIND = [
    {"mlp": [13, 512, 128]},
    {"dot": {"features": 27, "dim": 128}},
    {"fm": {"features": 27, "dim": 128, "columns": 4}},
    {"compression": {"features": 27, "to": 9, "dim": 128}},
    {"attention": {"features": 9, "dim": 128}},
    {"concat": {"width": 1152}},
    {"cross": {"width": 1152, "layers": 2}},
    {"cross": {"width": 1152, "layers": 2, "rank": 64}},
]


def loaded(lines: str):
    text = HEAD + "".join(f"    {line}\n" for line in lines.split("\n"))
    return load_document(read_document(text, "s.yaml"), Path())


def test_every_kind_of_layer_reads_back_as_written():
    value = {
        "batch": {"local": 512},
        "topology": "dgx-h100",
        "tables": [{"name": "a", "rows": 10, "dim": 8}],
        "training": {"dense": {"layers": EVERY_KIND}},
    }
    spec = spec_from_value(value, "s").spec
    assert {kind for layer in EVERY_KIND for kind in layer} == {k.keyword for k in LAYER_KINDS}
    written = spec.resolved()["training"]["dense"]
    assert written == {
        "layers": EVERY_KIND,
        "dtype": "bf16",
        "parallel": "ddp",
        "gradient_dtype": "fp32",
        "bucket": "25MiB",
    }
    assert spec_from_value(spec.resolved(), "s").spec.training == spec.training


def test_the_workload_has_the_layers_and_how_they_are_trained():
    dense = build_workload(
        loaded("layers: [mlp: [4, 2], cross: {width: 8, layers: 1}]\nparallel: hsdp").spec, 8
    ).training.dense
    assert dense.layers == (Mlp((4, 2)), Cross(8, 1))
    assert (dense.precision, dense.parallel) == (Precision.BF16, Parallel.HSDP)
    assert (dense.gradient_dtype, dense.optimizer) == (Dtype.FP32, Optimizer.ADAM)
    assert dense.bucket_bytes == 25 * 2**20


@pytest.mark.parametrize(
    ("lines", "line", "column", "path", "message"),
    [
        ("forward_ms: 0\nlayers: [mlp: [4, 2]]",
         7, 17, "forward_ms", "the layers say how long they take"),
        ("dtype: fp16", 7, 12, "dtype", "there are no layers that it could be of"),
        ("optimizer: adam", 7, 16, "optimizer", "there are no layers that it could be of"),
        ("layers: []", 7, 13, "layers", "needs 1 or more"),
        ("layers: [cros: {width: 1, layers: 1}]", 7, 14, "layers[0].cros",
         "unknown kind of layer 'cros'"),
        ("layers: [cross: {width: 8}]", 7, 21, "layers[0].cross", "needs layers"),
        ("layers: [cross: {width: 8, layers: 0}]", 7, 40, "layers[0].cross.layers",
         "must be from 1 to 10,000,000 (got 0)"),
        ("layers: [dot: {feature: 8, dim: 4}]", 7, 20, "layers[0].dot.feature",
         "unknown key 'feature'"),
        ("layers: [mlp: [4]]", 7, 19, "layers[0].mlp",
         "must be a list of 2 or more widths (got a list)"),
        ("layers: [mlp: [4, x]]", 7, 23, "layers[0].mlp[1]", "must be a whole number (got 'x')"),
        ("layers: [mlp]", 7, 14, "layers[0]",
         "must be a mapping with the kind of the layer as its only key"),
        ("layers:\n- {concat: {width: 8}}\n- {mlp: [4, 2]}", 9, 7, "layers[1]",
         "mlp takes 4 values, the layer before gives 8"),
        ("layers: [mlp: [4, 2]]\ndtype: int8", 8, 12, "dtype",
         "must be one of bf16, fp16, tf32, fp32 (got 'int8')"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_at_its_place(lines, line, column, path, message):
    (fault,) = loaded(lines).faults
    assert (fault.line, fault.column) == (line, column)
    assert fault.path == f"training.dense.{path}"
    assert fault.message.startswith(message)


def test_layers_beside_one_another_may_have_any_widths():
    """Two towers, and an interaction that joins them, say nothing of what follows."""
    lines = "layers: [mlp: [13, 64], mlp: [9, 64], dot: {features: 4, dim: 64}, mlp: [70, 1]]"
    assert loaded(lines).faults == ()
