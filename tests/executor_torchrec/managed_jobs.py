"""What the ranks of a test do with managed collisions, whose ids find their rows while training."""

# ruff: noqa: SLF001

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from kind_jobs import Model, _loss, _off
from torch import nn
from torchrec.modules.embedding_configs import EmbeddingBagConfig, EmbeddingConfig
from torchrec.modules.embedding_modules import EmbeddingBagCollection, EmbeddingCollection
from torchrec.modules.hash_mc_modules import HashZchManagedCollisionModule
from torchrec.modules.mc_embedding_modules import (
    ManagedCollisionEmbeddingBagCollection,
    ManagedCollisionEmbeddingCollection,
)
from torchrec.modules.mc_modules import (
    LFU_EvictionPolicy,
    ManagedCollisionCollection,
    MCHManagedCollisionModule,
)
from torchrec.sparse.jagged_tensor import JaggedTensor, KeyedJaggedTensor
from torchrec_jobs import RATE, SAMPLES, STEPS, _pieces

from shardplan.errors import InputError
from shardplan.executor.torchrec import shard

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan

META, RAW_IDS, START = torch.device("meta"), 1000, 0.25
"""How many raw ids there are, and what the weights of a row are when it gets an id."""


def hashed_map(table: Any, ranks: int) -> Any:
    """TorchRec's newer kind of map."""
    return HashZchManagedCollisionModule(
        zch_size=table.rows, device=META, total_num_buckets=ranks, input_hash_size=RAW_IDS
    )


def scattered(ids: Any, size: int) -> Any:
    """Other ids in place of the raw ones, one for each."""
    return (7 * ids + 3) % size


def map_of(table: Any, scatter: Any = None) -> Any:
    """What gives the raw ids of a table their rows."""
    return MCHManagedCollisionModule(
        input_hash_func=scatter,
        zch_size=table.rows,
        device=torch.device("cpu"),
        eviction_policy=LFU_EvictionPolicy(),
        eviction_interval=2,
        input_hash_size=RAW_IDS,
    )


def model_of(plan: Plan, is_hashed: bool = False, is_weighted: bool = False) -> nn.Module:
    """One module of managed collisions at each of the plan's paths."""
    root = Model(plan.plan)
    for path in plan.plan:
        tables = [table for table in plan.tables if table.module == path]
        is_pooled = plan.collection_of(path).is_pooled
        kind = EmbeddingBagConfig if is_pooled else EmbeddingConfig
        configs = [
            kind(
                name=table.name,
                num_embeddings=table.rows,
                embedding_dim=table.dim,
                feature_names=list(table.features),
                init_fn=partial(torch.nn.init.constant_, val=START),
            )
            for table in tables
        ]
        maps = {
            table.name: (
                hashed_map(table, plan.world_size) if is_hashed else map_of(table, scattered)
            )
            for table in tables
        }
        inner = (
            partial(EmbeddingBagCollection, is_weighted=is_weighted)
            if is_pooled
            else EmbeddingCollection
        )
        outer = (
            ManagedCollisionEmbeddingBagCollection
            if is_pooled
            else ManagedCollisionEmbeddingCollection
        )
        module = outer(
            inner(tables=configs, device=META),
            ManagedCollisionCollection(maps, configs),
            allow_in_place_embed_weight_update=True,
        )
        root.add_module(path, module)
    return root


class Reference:
    """The same tables whole, in plain PyTorch, with TorchRec's own unsharded maps.

    One for each rank's block of raw ids and of rows, which is what TorchRec makes of a map.
    """

    def __init__(self, plan: Plan, is_weighted: bool) -> None:
        self.plan, self._is_weighted = plan, is_weighted
        ranks = plan.world_size
        self.weights = {
            (t.module, t.name): torch.full((t.rows, t.dim), START, requires_grad=True)
            for t in plan.tables
        }
        self.maps: dict[tuple[str, str], list[Any]] = {}
        for table in plan.tables:
            whole = map_of(table)
            each = -(-table.rows // ranks)
            bounds = [min(rank * each, table.rows) for rank in range(ranks + 1)]
            self.maps[table.module, table.name] = [
                whole.rebuild_with_output_id_range((bounds[r], bounds[r + 1]), bounds)
                for r in range(ranks)
            ]

    def outputs(self, batches: list[Any]) -> list[dict[str, Any]]:
        """Of each rank's batch; rows that get an id begin anew."""
        found: list[dict[str, Any]] = [{} for _ in batches]
        for table in self.plan.tables:
            key = table.module, table.name
            of_ranks = {f: [_scattered(batch[f]) for batch in batches] for f in table.features}
            rows = self._rows(key, of_ranks)
            pools = self.plan.collection_of(table.module).is_pooled
            for feature, ids in of_ranks.items():
                for rank, (jagged, of_ids) in enumerate(zip(ids, rows[feature], strict=True)):
                    looked_up = self.weights[key][of_ids]
                    if pools:
                        if self._is_weighted:
                            looked_up = looked_up * jagged.weights().unsqueeze(1)
                        bags = torch.repeat_interleave(torch.arange(SAMPLES), jagged.lengths())
                        zeros = torch.zeros(SAMPLES, table.dim)
                        looked_up = zeros.index_add(0, bags, looked_up)
                    found[rank][f"{table.module}/{feature}"] = looked_up
        return found

    def _rows(self, key: Any, of_ranks: dict[str, list[Any]]) -> dict[str, list[Any]]:
        maps = self.maps[key]
        each = -(-RAW_IDS // len(maps))
        rows = {f: [torch.zeros_like(j.values()) for j in ids] for f, ids in of_ranks.items()}
        for block, id_map in enumerate(maps):
            masks = {f: [j.values() // each == block for j in ids] for f, ids in of_ranks.items()}
            given = {
                f: torch.cat([j.values()[m] for j, m in zip(ids, masks[f], strict=True)])
                for f, ids in of_ranks.items()
            }
            jagged = {f: JaggedTensor(v, lengths=torch.ones_like(v)) for f, v in given.items()}
            mapped = id_map(jagged)
            for f in of_ranks:
                parts = mapped[f].values().split([int(m.sum()) for m in masks[f]])
                for to, mask, part in zip(rows[f], masks[f], parts, strict=True):
                    to[mask] = part
            evicted = id_map.evict()
            if evicted is not None:
                with torch.no_grad():
                    self.weights[key][evicted] = START
        return rows

    def step(self) -> None:
        """Of SGD."""
        with torch.no_grad():
            for weight in self.weights.values():
                assert weight.grad is not None
                weight -= RATE * weight.grad
                weight.grad = None


def _scattered(ids: Any) -> Any:
    """Raw ids as a map takes them."""
    weights = ids.weights_or_none()
    return JaggedTensor(scattered(ids.values(), RAW_IDS), weights, lengths=ids.lengths())


def batch_of(plan: Plan, step: int, rank: int, is_weighted: bool = False) -> Any:
    """Raw ids, some of which come again and again; every block has some."""
    random = torch.Generator().manual_seed(1000 * step + rank)
    keys = [f for table in plan.tables for f in table.features]
    keys = keys if step % 2 else keys[::-1]
    lengths, ids = [], []
    for _ in keys:
        count = torch.randint(1, 5, (SAMPLES,), generator=random)
        of_key = torch.randint(0, RAW_IDS, (int(count.sum()),), generator=random)
        hot = torch.randint(0, 2, of_key.shape, generator=random) == 0
        ids.append(torch.where(hot, of_key // 100 * 100, of_key))
        lengths.append(count)
    values = torch.cat(ids)
    weights = torch.rand(values.shape, generator=random) if is_weighted else None
    return KeyedJaggedTensor(keys, values, weights, lengths=torch.cat(lengths))


def train_beside_unsharded(plan: Plan, is_weighted: bool = False) -> tuple[float, float, bool, int]:
    """The largest differences of outputs and weights; whether maps are the same; ids in them."""
    whole = Reference(plan, is_weighted)
    model = model_of(plan, is_weighted=is_weighted)
    sharded = shard(model, plan, learning_rate=RATE, device="cpu")
    worst, ranks, rank = 0.0, dist.get_world_size(), dist.get_rank()
    for step in range(STEPS):
        most = max(float(weight.detach().abs().max()) for weight in whole.weights.values())
        batches = [batch_of(plan, step, each, is_weighted) for each in range(ranks)]
        found = sharded(batches[rank])
        _loss(found, step, plan).backward()
        expected = whole.outputs(batches)
        (sum(_loss(each, step, plan) for each in expected) / ranks).backward()
        whole.step()
        assert set(found) == set(expected[rank])
        for name, output in expected[rank].items():
            worst = max(worst, _off(plan, name, found[name], output, most))
    off = 0.0
    for key, piece, where in _pieces(sharded):
        if key.endswith(".weight"):
            path, name = key.split("._embedding_module.")[0], key.split(".")[-2]
            off = max(off, float((piece - whole.weights[path, name][where]).abs().max()))
    same, known = _maps_are_alike(sharded, whole)
    return worst, off, same, known


def _maps_are_alike(sharded: Any, whole: Reference) -> tuple[bool, int]:
    same, known = True, 0
    for (path, name), maps in whole.maps.items():
        collection = sharded.module.get_submodule(path)._managed_collision_collection
        here, there = collection._managed_collision_modules[name], maps[dist.get_rank()]
        for buffer in ("_mch_sorted_raw_ids", "_mch_remapped_ids_mapping"):
            same = same and torch.equal(getattr(here, buffer), getattr(there, buffer))
        known += int((here._mch_sorted_raw_ids < RAW_IDS).sum())
    return same, known


def refusals(plan: Plan, is_hashed: bool) -> list[str]:
    """The faults of a plan for a model with maps of one kind or the other."""
    try:
        shard(model_of(plan, is_hashed), plan, learning_rate=RATE, device="cpu")
    except InputError as error:
        return [f"{each.path}: {each.message}" for each in error.diagnostics]
    return []
