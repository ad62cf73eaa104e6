"""Caches that begin with hot rows: fewer misses from the first batch on, and the same training."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from click.testing import CliRunner
from random_specs import TOPOLOGY
from test_train_command import losses_of

from shardplan.build_case import case_of_value
from shardplan.executor.__main__ import main
from shardplan.executor.memory.hot_counts import HotCounts
from shardplan.executor.memory.memory_pool import MemoryPool, Pools
from shardplan.executor.memory.row_cache import RowCache
from shardplan.executor.memory.row_store import ResidentRows
from shardplan.executor.planned.module_layout import ModuleLayout
from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.executor.planned.plan_view import view_plan
from shardplan.executor.tables.group_store import store_of
from shardplan.executor.tables.shard_group import ShardGroup
from shardplan.plan.file.read import read_plan
from shardplan.plan.file.write import render
from shardplan.planning.planner import make_plan
from shardplan.profile.hot_rows import hot_rows_data, hottest
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from pathlib import Path

ROWS, WIDTH = 4_000, 4


def tower(slots: list[int], algorithm: CacheAlgorithm) -> tuple[list[RowCache], torch.Tensor]:
    """Caches of so many slots over each other, the top one first, and what lies below."""
    values = torch.arange(ROWS * WIDTH, dtype=torch.float32).view(ROWS, WIDTH)
    tier: RowCache | ResidentRows = ResidentRows(values.clone(), "cpu")
    caches = []
    for count in reversed(slots):
        tier = RowCache(
            tier, MemoryPool("hbm"), ROWS, count, WIDTH, Dtype.FP32, algorithm=algorithm
        )
        caches.insert(0, tier)
    return caches, values


def held(cache: RowCache) -> set[int]:
    return {row for row in cache._directory.rows.tolist() if row >= 0}  # noqa: SLF001


@pytest.mark.parametrize("algorithm", CacheAlgorithm)
def test_a_warm_cache_holds_the_hottest_rows_of_each_set(algorithm: CacheAlgorithm) -> None:
    (cache,), values = tower([256], algorithm)
    rows = torch.from_numpy(np.random.default_rng(0).permutation(ROWS)[:1_000])
    cache.warm(rows, torch.arange(1_000, 0, -1))
    sets = cache._directory._set_of(rows)  # noqa: SLF001
    expected = {r for s in range(8) for r in rows[sets == s][:32].tolist()}
    assert held(cache) == expected
    assert torch.equal(cache.read(rows), values[rows])


@pytest.mark.parametrize("algorithm", CacheAlgorithm)
def test_the_coldest_of_the_warm_rows_leaves_first(algorithm: CacheAlgorithm) -> None:
    (cache,), _ = tower([32], algorithm)  # one set
    cache.warm(torch.arange(32), torch.arange(32, 0, -1))
    cache.release(cache.stage(torch.tensor([100]), torch.tensor([2])))
    assert held(cache) == {*range(31), 100}


def test_what_finds_no_room_goes_to_the_tier_below_and_nothing_lies_in_both() -> None:
    (top, middle), values = tower([32, 320], CacheAlgorithm.LRU)
    rows = torch.from_numpy(np.random.default_rng(1).permutation(ROWS)[:200])
    top.warm(rows, torch.arange(200, 0, -1))
    assert held(top) == set(rows[:32].tolist())
    assert held(top) | held(middle) == set(rows.tolist())
    assert not held(top) & held(middle)
    assert torch.equal(top.read(rows), values[rows])


def test_a_list_that_is_not_from_the_hottest_on_is_refused() -> None:
    for ids, counts, words in (
        ([1, 1], [3, 2], "twice"), ([1, 2], [2, 3], "fall"), ([1], [2, 1], "as many"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            HotCounts(np.array(ids), np.array(counts))


def plan_with(path: Path, algorithm: str, ranks: int = 1, **constraint: object) -> Path:
    """Of few ranks, with a table in a lower tier under a cache of an eighth of its rows."""
    topology = copy.deepcopy(TOPOLOGY) | {"nodes": 1, "devices_per_node": ranks}
    topology["node"]["ssd"] = {"capacity": "1TB", "read": "3GB/s", "iops": 500_000}
    spec = {
        "batch": {"local": 64},
        "topology": topology,
        "training": {"optimizer": "rowwise_adagrad", "cache_algorithm": algorithm,
                     "pipeline": "sparse_dist"},
        "tables": [{"name": "t", "rows": ROWS, "dim": 8}],
        "constraints": [{"tables": "t", "sharding": "table_wise", "load_factor": "12.5%",
                         **constraint}],
    }  # fmt: skip
    path.write_text(render(make_plan(case_of_value(spec, "s"), Settings("greedy"), Reporter())))
    return path


def test_each_rank_warms_the_hot_rows_of_its_own_shard(tmp_path: Path) -> None:
    file = plan_with(
        tmp_path / "plan.json", "lru", 2, sharding="row_wise", kernels="fused_uvm_caching"
    )
    (table,) = view_plan(read_plan(str(file))).tables
    hot = np.random.default_rng(5).permutation(ROWS)[:60]
    counts = HotCounts.in_order(hot)
    for rank, group in enumerate(ModuleLayout([table], 2, is_hierarchical=False).groups):
        (layout,) = group
        pools = Pools.on(torch.device("cpu"))
        store = store_of(layout, OptimizerSettings(Optimizer.SGD, 0.1), pools)
        shards = ShardGroup(layout, store, pools.hbm, seed=0)
        shards.warm({"t": counts, "another": counts})
        half = ROWS // 2
        own = hot[(hot >= rank * half) & (hot < (rank + 1) * half)] - rank * half
        assert held(shards.weights) == set(own.tolist())


def samples(folder: Path, steps: int) -> tuple[Path, np.ndarray]:
    """A file of batches whose ids follow Zipf's law over scattered rows, and the ids."""
    shares = np.arange(1, ROWS + 1) ** -1.2
    random = np.random.default_rng(3)
    ids = random.permutation(ROWS)[random.choice(ROWS, 64 * steps, p=shares / shares.sum())]
    lines = ("\t".join([str(i % 2), *["3"] * 13, *[f"{i:x}"] * 26]) for i in ids.tolist())
    (folder / "day.tsv").write_text("\n".join(lines) + "\n")
    return folder / "day.tsv", ids


def trained(plan: Path, data: Path, *options: str) -> tuple[list[float], dict]:
    """Losses, and what was measured of the cache in HBM."""
    measured = plan.with_suffix(".measured.json")
    command = ["train", str(plan), "--data", str(data), "--steps", "8", "--loss-every", "1"]
    command += ["--warm-up", "0", "--measure", str(measured), *options]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    (rank,) = json.loads(measured.read_text())["ranks"]
    return losses_of(result.stdout), rank["caches"][0]


@pytest.mark.parametrize("algorithm", ["lru", "lfu"])
@pytest.mark.parametrize("kernel", ["fused_uvm_caching", "key_value"])
def test_a_job_with_warm_caches_learns_the_same_and_misses_less(
    tmp_path: Path, algorithm: str, kernel: str
) -> None:
    pytest.importorskip("pyarrow")
    plan = plan_with(tmp_path / "plan.json", algorithm, kernels=kernel)
    data, ids = samples(tmp_path, steps=8)
    rows, counts = np.unique(ids, return_counts=True)
    folder = tmp_path / "hot"
    folder.mkdir()
    (folder / "t.parquet").write_bytes(hot_rows_data(*hottest(rows, counts, 500)))
    cold, cold_cache = trained(plan, data)
    warm, warm_cache = trained(plan, data, "--hot-ids", str(folder))
    assert warm == cold
    assert warm_cache["misses"] < cold_cache["misses"] / 2
    assert warm_cache["hits"] > cold_cache["hits"]


@pytest.mark.parametrize(
    ("ids", "words"),
    [([7, 7], "the id 7 stands there twice"), ([ROWS], f"the id {ROWS} is no row of {ROWS:,}")],
)
def test_files_that_name_no_rows_are_refused(tmp_path: Path, ids: list[int], words: str) -> None:
    plan = plan_with(tmp_path / "plan.json", "lru", kernels="fused_uvm_caching")
    data, _ = samples(tmp_path, steps=1)
    np.save(tmp_path / "t.npy", np.array(ids))
    command = ["train", str(plan), "--data", str(data), "--hot-ids", str(tmp_path)]
    result = CliRunner().invoke(main, command)
    assert (result.exit_code, words in result.stderr) == (2, True)
