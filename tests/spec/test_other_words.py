"""Words of TorchRec, of PyTorch and of daily speech: refused with the word of a spec."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardplan.sharding.kernel import KERNELS
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.spec.load import load_document
from shardplan.spec.text.document import read_document

SPEC = """\
batch: {{global: 4096}}
topology: dgx-h100
training: {{optimizer: {optimizer}, pipeline: {pipeline}}}
tables: [{{name: a, rows: {rows}, dim: 64, dtype: {dtype}}}]
constraints: [{{tables: a, sharding: {sharding}, kernels: {kernels}}}]
"""
GOOD = {
    "optimizer": "sgd", "pipeline": "none", "rows": "100", "dtype": "fp32",
    "sharding": "row_wise", "kernels": "fused",
}  # fmt: skip


def hint_of(key: str, written: str) -> str:
    """The only hint where one key of a good spec is written otherwise."""
    text = SPEC.format(**GOOD | {key: written})
    (fault,) = load_document(read_document(text, "spec.yaml"), Path()).faults
    return fault.hint


@pytest.mark.parametrize(
    ("short", "long"),
    {
        "RW": "row_wise", "TW": "table_wise", "CW": "column_wise", "TWRW": "table_row_wise",
        "TWCW": "table_column_wise", "GRID": "grid_shard", "DP": "data_parallel",
    }.items(),
)  # fmt: skip
def test_sharding_types_are_known_by_their_short_names(short, long):
    assert SHARDING_TYPES.find(long)
    for written in (short, short.lower(), f"ShardingType.{long.upper()}", long.replace("_", "-")):
        assert hint_of("sharding", written) == f"did you mean {long!r}?"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("UVM", "fused_uvm"), ("UVM_CACHING", "fused_uvm_caching"), ("ssd", "key_value"),
     ("EmbeddingComputeKernel.FUSED", "fused")],
)  # fmt: skip
def test_kernels_are_known_by_other_names(written, meant):
    assert KERNELS.find(meant)
    assert hint_of("kernels", written) == f"did you mean {meant!r}?"


@pytest.mark.parametrize(
    "written",
    ["ssd_virtual_table", "EmbeddingComputeKernel.DRAM_VIRTUAL_TABLE", "DRAM_SSD_VIRTUAL_TABLE"],
)
def test_kernels_of_virtual_tables_are_no_misspelt_ones(written):
    hint = hint_of("kernels", written)
    assert hint.startswith("virtual tables (FBGEMM's, by key) grow without a number of rows")
    assert "key_value keeps a table of fixed rows on SSD" in hint


@pytest.mark.parametrize(
    ("key", "written", "meant"),
    [
        ("dtype", "float32", "fp32"),
        ("dtype", "torch.float16", "fp16"),
        ("dtype", "half", "fp16"),
        ("dtype", "DataType.BF16", "bf16"),
        ("optimizer", "EXACT_ROWWISE_ADAGRAD", "rowwise_adagrad"),
        ("optimizer", "ExactSGD", "sgd"),
        ("pipeline", "prefetch", "prefetch_sparse_dist"),
        ("pipeline", "TrainPipelineSparseDist", "sparse_dist"),
        ("pipeline", "TrainPipelineSparseDistLite", "sparse_dist_lite"),
        ("pipeline", "TrainPipelinePT2", "none"),
        ("pipeline", "TrainPipelineSemiSync", "semi_sync"),
        ("pipeline", "TrainPipelineFusedSparseDist", "fused_sparse_dist"),
    ],
)
def test_formats_and_optimizers_are_known_by_other_names(key, written, meant):
    assert hint_of(key, written) == f"did you mean {meant!r}?"


@pytest.mark.parametrize(
    "written", ["TrainPipelineSparseDistEmbStash", "TrainPipelinePrefetchEMS", "emb_stash"]
)
def test_pipelines_that_empty_hbm_for_a_while_are_said_to_be_unplanned(written):
    assert hint_of("pipeline", written).startswith("what leaves HBM in each step and comes back")


@pytest.mark.parametrize("written", ["int8", "INT8", "torch.qint8", "uint8", "int4", "fp8", "nf4"])
def test_formats_of_serving_are_told_from_mistakes(written):
    assert "a format of serving" in hint_of("dtype", written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1M", "1_000_000"),
        ("40M", "40_000_000"),
        ("1.5B", "1_500_000_000"),
        ("250k", "250_000"),
        ("40 million", "40_000_000"),
        ("3 thousand", "3_000"),
        ("'1,000,000'", "1_000_000"),
    ],
)
def test_rows_are_spelt_out(written, meant):
    assert hint_of("rows", written) == f"write {meant}"


@pytest.mark.parametrize(("written", "meant"), [("num_embeddings", "rows"), ("vocab_size", "rows")])
def test_keys_are_known_by_other_names(written, meant):
    text = SPEC.format(**GOOD).replace("rows:", f"{written}:")
    faults = load_document(read_document(text, "spec.yaml"), Path()).faults
    assert f"did you mean {meant!r}?" in [fault.hint for fault in faults]


@pytest.mark.parametrize(
    ("where", "key", "place"),
    [
        ("", "optimizer: adam", "training.optimizer"),
        ("", "dense: {}", "training.dense"),
        ("", "global: 5", "batch.global"),
        ("", "embedding_dim: 64", "defaults.dim"),
        ("tables", "sharding: row_wise", "constraints[].sharding"),
        ("tables", "sharding_types: [row_wise]", "constraints[].sharding"),
        ("tables", "compute_kernels: [fused]", "constraints[].kernels"),
        ("tables", "pipeline: none", "training.pipeline"),
    ],
)
def test_a_key_that_stands_elsewhere_is_told_its_place(where, key, place):
    text = SPEC.format(**GOOD)
    text = text.replace("name: a,", f"name: a, {key},") if where else f"{text}{key}\n"
    (fault,) = load_document(read_document(text, "spec.yaml"), Path()).faults
    assert (fault.code, fault.hint) == ("unknown_key", f"it stands elsewhere: {place}")


def test_nodes_belong_to_the_topology():
    text = SPEC.format(**GOOD) + "nodes: 4\n"
    (fault,) = load_document(read_document(text, "spec.yaml"), Path()).faults
    assert fault.hint == "did you mean 'topology'?"
