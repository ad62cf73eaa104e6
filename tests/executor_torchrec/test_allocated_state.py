"""State bytes against what FBGEMM allocates on CPU; skipped where it is not installed."""
# ruff: noqa: E402, the imports that may be missing come after the skip

from __future__ import annotations

import pytest

pytest.importorskip("fbgemm_gpu.split_table_batched_embeddings_ops_training")
pytestmark = pytest.mark.filterwarnings("ignore")

import torch
from fbgemm_gpu.split_embedding_configs import EmbOptimType
from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
    ComputeDevice,
    CounterBasedRegularizationDefinition,
    CowClipDefinition,
    EmbeddingLocation,
    GlobalWeightDecayDefinition,
    SplitTableBatchedEmbeddingBagsCodegen,
)
from fbgemm_gpu.split_table_batched_embeddings_ops_training import WeightDecayMode as FbgemmDecay

from shardplan.workload.optimizers.optimizer import OPTIMIZERS, Optimizer
from shardplan.workload.optimizers.weight_decay import WeightDecayMode

SHARDS = [(1_001, 64), (37, 4), (2_500, 16), (2_500, 16)]
"""Rows and columns: two tables, and one in two column shards."""
ON_CPU = [each for each in OPTIMIZERS if each.trains_on_cpu]


def allocated_bytes(optimizer: Optimizer, **settings: object) -> int:
    """Of all state of a module of FBGEMM's, besides the weights; what it lacks is one int64."""
    tables = [(*shard, EmbeddingLocation.HOST, ComputeDevice.CPU) for shard in SHARDS]
    module = SplitTableBatchedEmbeddingBagsCodegen(
        tables, optimizer=EmbOptimType[optimizer.fbgemm], device=torch.device("cpu"), **settings
    )
    return sum(
        each.nbytes
        for prefix in ("momentum1", "momentum2", "prev_iter", "row_counter")
        for place in ("host", "dev", "uvm")
        if (each := getattr(module, f"{prefix}_{place}", None)) is not None
        and each.is_floating_point()
    )


def counted_bytes(optimizer: Optimizer, decay: WeightDecayMode = WeightDecayMode.NONE) -> int:
    state = optimizer.state(decay)
    return sum(rows * state.row_bytes(columns) for rows, columns in SHARDS)


def test_fbgemm_has_four_on_cpu() -> None:
    names = ["sgd", "adagrad", "rowwise_adagrad", "ema_in_place_rowwise_adagrad"]
    assert [each.name for each in ON_CPU] == names


@pytest.mark.parametrize("optimizer", ON_CPU)
def test_state_takes_what_fbgemm_allocates(optimizer: Optimizer) -> None:
    assert counted_bytes(optimizer) == allocated_bytes(optimizer)


@pytest.mark.parametrize("optimizer", [each for each in OPTIMIZERS if not each.trains_on_cpu])
def test_what_is_for_gpus_alone_fbgemm_refuses_on_cpu(optimizer: Optimizer) -> None:
    with pytest.raises(AssertionError, match="not supported in CPU mode"):
        allocated_bytes(optimizer)


@pytest.mark.parametrize(
    ("mode", "settings"),
    [
        ("l2", {}),
        ("decouple", {}),
        ("counter", {"counter_based_regularization": CounterBasedRegularizationDefinition()}),
        ("cowclip", {"cowclip_regularization": CowClipDefinition()}),
        ("decouple_global", {"global_weight_decay": GlobalWeightDecayDefinition()}),
    ],
)
def test_weight_decay_takes_what_fbgemm_allocates(mode: str, settings: dict[str, object]) -> None:
    decay = FbgemmDecay[mode.upper()]
    found = allocated_bytes(
        Optimizer.ROWWISE_ADAGRAD, weight_decay_mode=decay, weight_decay=0.1, **settings
    )
    assert found == counted_bytes(Optimizer.ROWWISE_ADAGRAD, WeightDecayMode(mode))


@pytest.mark.parametrize(
    "optimizer", [Optimizer.ROWWISE_ADAGRAD, Optimizer.ADAM, Optimizer.PARTIAL_ROWWISE_ADAM]
)
def test_state_of_rows_on_ssd_takes_what_fbgemm_splits(optimizer: Optimizer) -> None:
    """``ssd_state_splits``: numbers of the state of all tables, by its names."""
    splits = EmbOptimType[optimizer.fbgemm].ssd_state_splits(SHARDS)
    state = optimizer.state()
    numbers = sum(split.dev_size for split, _, _ in splits)
    rows = sum(each for each, _ in SHARDS)
    assert counted_bytes(optimizer) + rows * state.ssd_bytes_per_row == 4 * numbers
