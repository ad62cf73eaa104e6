"""Checkpoints: written under one plan, read under another, whole whenever the job is killed."""

from __future__ import annotations

import signal
import time
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")

from rank_group import RankGroup
from test_parity import TYPES, table
from training_case import TrainingCase, contents, mesh_of, sharded, table_of, trained

from shardplan.errors import CheckpointError
from shardplan.executor.checkpoint.checkpoint import (
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from shardplan.executor.exchange.mesh import Mesh
from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.plan.file.table_entry import CacheEntry
from shardplan.sharding.kernel import KERNELS
from shardplan.workload.optimizers.trainable import native_optimizers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def mixed(world: int, local: int, optimizer: str, turn: int) -> TrainingCase:
    """The same tables; ``turn`` decides which of them has which type."""
    kinds = TYPES[turn:] + TYPES[:turn]
    tables = tuple(table(kind, world, local, name=f"t{i}") for i, kind in enumerate(kinds))
    caches = {
        "fused_uvm_caching": CacheEntry(load_factor=0.2),
        "key_value": CacheEntry(load_factor=0.1, ddr_load_factor=0.2),
    }
    tiered = [
        replace(held, kernel=KERNELS.named(kernel), cache=caches[kernel])
        if held.shards and i % 3 == turn % 3
        else held
        for i, held in enumerate(tables)
        for kernel in ["key_value" if i % 2 else "fused_uvm_caching"]
    ]
    return TrainingCase(tuple(tiered), world, local, OptimizerSettings(optimizer), linear=False)


def train_and_save(case: TrainingCase, folder: str) -> Any:
    collection = sharded(case, mesh_of(case.local_world_size))
    trained(case, collection)
    save_checkpoint(folder, 5, collection.mesh, {"sparse": collection})
    return contents(collection), collection.steps


def load(case: TrainingCase, path: str) -> Any:
    collection = sharded(replace(case, seed=99), mesh_of(case.local_world_size))
    load_checkpoint(path, collection.mesh, {"sparse": collection})
    return contents(collection), collection.steps


def whole_tables(case: TrainingCase, answers: list[Any]) -> dict[tuple[str, str], Any]:
    """By table and field, all shards put together; every cell has to be covered."""
    found = {}
    rows = {table.name: (table.rows, table.dim) for table in case.tables}
    for held, _ in answers:
        for name, shard, fields in held:
            for field, values in fields.items():
                shape = (rows[name][0], 1 if values.shape[1] != shard.columns else rows[name][1])
                whole = found.setdefault((name, field), np.full(shape, np.nan, values.dtype))
                column = 0 if shape[1] == 1 else shard.column_offset
                part = whole[shard.row_offset : shard.row_offset + shard.rows, column:]
                part[:, : values.shape[1]] = values
    assert not any(np.isnan(whole).any() for whole in found.values())
    return found


@pytest.mark.parametrize("optimizer", native_optimizers())
def test_a_checkpoint_loads_bit_for_bit_under_another_plan_and_world(
    optimizer: str, rank_group: Callable[[int], RankGroup], tmp_path: Path
) -> None:
    """From four ranks on two nodes to two ranks: other types, other tiers."""
    before, after = mixed(4, 2, optimizer, 0), mixed(2, 2, optimizer, 3)
    saved = rank_group(4).run(train_and_save, before, str(tmp_path))
    path = latest_checkpoint(tmp_path)
    assert path == tmp_path / "step-000000005"
    loaded = rank_group(2).run(load, after, str(path))
    one, other = whole_tables(before, saved), whole_tables(after, loaded)
    assert one.keys() == other.keys()
    for key, values in one.items():
        assert values.tobytes() == other[key].tobytes(), key
    assert {steps for _, steps in saved + loaded} == {5}


def alone(optimizer: str = "adam", rows: int = 64) -> TrainingCase:
    table = table_of("t", rows, 8, "table_wise", 1, 1, targets=(0,))
    return TrainingCase((table,), 1, 1, OptimizerSettings(optimizer))


def test_training_goes_on_as_if_it_had_not_been_interrupted(tmp_path: Path) -> None:
    case = alone()
    straight = sharded(case, Mesh(1))
    trained(case, straight)
    save_checkpoint(tmp_path, 5, straight.mesh, {"sparse": straight})
    expected = trained(case, straight)
    resumed = sharded(replace(case, seed=7), Mesh(1))
    load_checkpoint(tmp_path / "step-000000005", resumed.mesh, {"sparse": resumed})
    found = trained(case, resumed)
    for (_, _, one), (_, _, other) in zip(expected.shards, found.shards, strict=True):
        assert all(one[field].tobytes() == other[field].tobytes() for field in one)


def test_other_tables_and_other_optimizers_are_refused(tmp_path: Path) -> None:
    saved = sharded(alone("sgd"), Mesh(1))
    path = save_checkpoint(tmp_path, 1, saved.mesh, {"sparse": saved})
    for case, message in (
        (alone("adam"), "it has no sparse/t/exp_avg"),
        (alone("sgd", rows=65), "its sparse/t/weight is of 64 x 8, the job.s of 65 x 8"),
    ):
        other = sharded(case, Mesh(1))
        with pytest.raises(CheckpointError, match=message):
            load_checkpoint(path, other.mesh, {"sparse": other})
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "nowhere", saved.mesh, {"sparse": saved})


def test_old_checkpoints_make_room_for_new_ones(tmp_path: Path) -> None:
    collection = sharded(alone("sgd"), Mesh(1))
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, collection.mesh, {"sparse": collection}, keep=2)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["step-000000002", "step-000000003"]


def save_for_ever(case: TrainingCase, folder: str) -> None:
    collection = sharded(case, mesh_of(2, 20.0))
    for step in range(1, 1_000_000):
        save_checkpoint(folder, step, collection.mesh, {"sparse": collection})


def load_and_compare(case: TrainingCase, path: str) -> bool:
    """Whether a checkpoint of untrained tables holds what untrained tables hold."""
    expected = sharded(case, mesh_of(2))
    collection = sharded(replace(case, seed=99), mesh_of(2))
    load_checkpoint(path, collection.mesh, {"sparse": collection})
    return all(
        (one["weight"] == other["weight"]).all()
        for (_, _, one), (_, _, other) in zip(contents(expected), contents(collection), strict=True)
    )


@pytest.mark.slow
def test_kill_9_during_a_save_leaves_the_last_one_whole(
    rank_group: Callable[[int], RankGroup], tmp_path: Path
) -> None:
    """Both ranks are killed in the midst of a later save: some file of it is there already."""
    case = mixed(2, 2, "adam", 0)
    with closing(RankGroup(2)) as doomed:
        doomed.start(save_for_ever, case, str(tmp_path))
        deadline = time.monotonic() + 60
        while not (_is_saving(tmp_path) and latest_checkpoint(tmp_path)):
            assert time.monotonic() < deadline, "no save was seen under way"
        for process in doomed.processes:
            process.kill()
        for process in doomed.processes:
            process.join()
            assert process.exitcode == -signal.SIGKILL
    newest = latest_checkpoint(tmp_path)
    assert newest is not None
    assert all(rank_group(2).run(load_and_compare, case, str(newest)))
    # And the next save is not in the way of what is left of the broken one.
    assert rank_group(2).run(train_and_save, case, str(tmp_path))


def _is_saving(folder: Path) -> bool:
    with suppress(FileNotFoundError):  # It may be renamed while it is looked into.
        return any(any(path.glob("*.safetensors")) for path in folder.glob(".*.partial"))
    return False
