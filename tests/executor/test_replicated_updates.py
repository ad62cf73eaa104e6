"""Updates of data-parallel tables, which go over all rows at once where that changes none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from training_case import TrainingCase, batch_of, contents, sharded, table_of, trained

from shardplan.executor.exchange.mesh import Mesh
from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.workload.optimizers.trainable import native_optimizers

ROWS = 300
"""Far more than the batches read."""
REPLICATED = table_of("t", ROWS, 8, "data_parallel", 1, 1, features=2)
WHOLE = table_of("t", ROWS, 8, "table_wise", 1, 1, targets=(0,), features=2)


def case_of(settings: OptimizerSettings) -> TrainingCase:
    return TrainingCase((REPLICATED,), 1, 1, settings, steps=3)


def rows_read(case: TrainingCase) -> set[int]:
    return {int(row) for step in range(case.steps) for row in batch_of(case, step, 0).values}


@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
@pytest.mark.parametrize("kind", native_optimizers())
def test_a_replicated_table_trains_to_the_bits_of_a_whole_one(kind: str, dtype: str) -> None:
    case = case_of(OptimizerSettings(kind, 0.1))
    found = []
    for table in (REPLICATED, WHOLE):
        each = replace(case, tables=(replace(table, dtype=dtype),))
        ((_, _, fields),) = trained(each, sharded(each, Mesh(1))).shards
        found.append(fields)
    replicated, whole = found
    assert replicated.keys() == whole.keys()
    for name, values in whole.items():
        assert replicated[name].tobytes() == values.tobytes()


@pytest.mark.parametrize("kind", native_optimizers())
def test_replicated_tables_of_one_format_train_to_the_bits_of_whole_ones(kind: str) -> None:
    """Two of them with one of another width between, one of another format behind."""
    formats = [(20, 8, 2, "fp32"), (30, 4, 1, "fp32"), (40, 8, 1, "fp32"), (50, 8, 1, "bf16")]
    found = []
    for sharding_type, targets in (("data_parallel", ()), ("table_wise", (0,))):
        tables = tuple(
            table_of(
                f"t{rows}",
                rows,
                dim,
                sharding_type,
                1,
                1,
                targets=targets,
                features=features,
                dtype=dtype,
            )
            for rows, dim, features, dtype in formats
        )
        case = replace(case_of(OptimizerSettings(kind, 0.1)), tables=tables)
        shards = trained(case, sharded(case, Mesh(1))).shards
        found.append({name: fields for name, _, fields in shards})
    replicated, whole = found
    assert replicated.keys() == whole.keys()
    for table, fields in whole.items():
        for name, values in fields.items():
            assert replicated[table][name].tobytes() == values.tobytes()


@pytest.mark.parametrize("eps", [1e-8, 0.0])
@pytest.mark.parametrize("kind", native_optimizers())
def test_rows_that_nobody_read_keep_their_bits(kind: str, eps: float) -> None:
    case = case_of(OptimizerSettings(kind, 0.1, eps=eps))
    collection = sharded(case, Mesh(1))
    ((_, _, before),) = contents(collection)
    ((_, _, after),) = trained(case, collection).shards
    unread = sorted(set(range(ROWS)) - rows_read(case))
    assert len(unread) > ROWS / 2
    for name, values in before.items():
        assert after[name][unread].tobytes() == values[unread].tobytes()
    changed = np.flatnonzero((after["weight"] != before["weight"]).any(axis=1))
    assert 0 < len(changed) <= ROWS - len(unread)
