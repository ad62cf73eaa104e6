"""Models whose tables are not pooled, and what the ranks of a test do with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torchrec import EmbeddingCollection, EmbeddingConfig, KeyedJaggedTensor
from training_case import contents, mesh_of

from shardplan.executor.checkpoint.checkpoint import load_checkpoint, save_checkpoint
from shardplan.executor.native.input_pipeline import InputPipeline
from shardplan.executor.native.sequence_collection import ShardedEmbeddingCollection
from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.executor.planned.planned_table import PlannedShard
from shardplan.executor.tables.initial_weights import fill_initial
from shardplan.executor.tensors.tensor import DTYPES
from shardplan.workload.dtype import Dtype
from shardplan.workload.pipeline.pipeline import Pipeline

if TYPE_CHECKING:
    from shardplan.executor.planned.planned_table import PlannedTable

RATE, EPS = 0.125, 1e-6


@dataclass(frozen=True)
class SequenceCase:
    """Tables over ranks, and what is trained on them."""

    tables: tuple[PlannedTable, ...]
    world_size: int
    optimizer: str = "sgd"
    dedup: bool = False
    pipeline: Pipeline = Pipeline.NONE
    comm: Dtype = Dtype.FP32
    output_dtype: Dtype = Dtype.FP32
    samples: int = 5
    steps: int = 5
    seed: int = 0


def whole_model(case: SequenceCase) -> Any:
    """TorchRec's own module, one for each dim, with the weights that the native engine fills in."""
    root = torch.nn.Module()
    for dim in dict.fromkeys(table.dim for table in case.tables):
        configs = [
            EmbeddingConfig(
                name=table.name,
                num_embeddings=table.rows,
                embedding_dim=dim,
                feature_names=list(table.features),
            )
            for table in case.tables
            if table.dim == dim
        ]
        root.add_module(str(dim), EmbeddingCollection(tables=configs))
    for table in case.tables:
        weight = root.get_submodule(str(table.dim)).embeddings[table.name].weight.data
        fill_initial(weight, table, PlannedShard(0, 0, 0, table.rows, table.dim), case.seed)
    return root


def batch_of(case: SequenceCase, step: int, rank: int) -> Any:
    """Ranks have batches of different sizes, and ids that come again and again, some none."""
    random = torch.Generator().manual_seed(case.seed * 1_000_003 + step * 1_009 + rank)
    rows = {f: table.rows for table in case.tables for f in table.features}
    keys = ["unread", *reversed(rows)]
    lengths, ids = [], []
    for key in keys:
        count = torch.randint(0, 5, (case.samples + rank,), generator=random)
        of_key = torch.randint(0, rows.get(key, 9), (int(count.sum()),), generator=random)
        hot = torch.randint(0, 2, of_key.shape, generator=random) == 0
        ids.append(torch.where(hot, of_key % 2, of_key))
        lengths.append(count)
    return KeyedJaggedTensor(keys, torch.cat(ids), lengths=torch.cat(lengths))


def factors(case: SequenceCase, step: int, name: str, rows: Any) -> Any:
    random = torch.Generator().manual_seed(case.seed + step * 31 + sum(map(ord, name)))
    return torch.randint(-8, 9, rows.shape, generator=random) / 16


def loss_of(case: SequenceCase, outputs: Any, step: int) -> Any:
    """Of rows in their order, so that one out of place is another loss; the first has no part."""
    names = sorted(outputs)[len(outputs) > 1 :]
    parts = [_rows_of(outputs[name]) for name in names]
    # Of narrow outputs it is linear: then gradients are exact in their format.
    square = float(case.output_dtype is Dtype.FP32)
    return sum(
        ((part.float() + square * part.float().square()) * factors(case, step, name, part)).sum()
        for name, part in zip(names, parts, strict=True)
    )


def _rows_of(output: Any) -> Any:
    """Of TorchRec's JaggedTensor or the engine's own output."""
    return output.values() if callable(output.values) else output.values


def compared(case: SequenceCase) -> tuple[float, float, list[Any]]:
    """On one of the ranks: by how much outputs and weights differ from the unsharded model's.

    And the bytes of this rank's weights.
    """
    tables = ShardedEmbeddingCollection(
        case.tables,
        mesh_of(case.world_size),
        OptimizerSettings(case.optimizer, RATE, EPS),
        dedup=case.dedup,
        output_dtype=case.output_dtype,
        comm_forward=case.comm,
        comm_backward=case.comm,
        seed=case.seed,
    )
    whole = whole_model(case)
    squares = {table.name: torch.zeros(table.rows, 1) for table in case.tables}
    rank, off = dist.get_rank(), 0.0
    pipeline = InputPipeline([tables], case.pipeline)
    source = (batch_of(case, step, rank) for step in range(case.steps))
    for step, (_, (inputs,)) in enumerate(pipeline.batches(source)):
        found = tables(inputs)
        pipeline.advance()
        loss_of(case, found, step).backward()
        off = max(off, _unsharded_step(case, whole, squares, step, found))
    weights = {
        t.name: whole.get_submodule(str(t.dim)).embeddings[t.name].weight for t in case.tables
    }
    parts = [
        (weights[name][s.row_offset :, s.column_offset :][: s.rows, : s.columns], fields["weight"])
        for name, s, fields in contents(tables)
    ]
    worst = max((float((w - torch.from_numpy(f)).abs().max()) for w, f in parts), default=0.0)
    return off, worst, [f.tobytes() for _, f in parts]


def _unsharded_step(case: SequenceCase, whole: Any, squares: Any, step: int, found: Any) -> float:
    ranks, off = range(case.world_size), 0.0
    losses = []
    for rank in ranks:
        batch = batch_of(case, step, rank)
        outputs = {}
        for module in whole.children():
            outputs |= module(batch)
        losses.append(loss_of(case, outputs, step))
        if rank == dist.get_rank():
            assert set(outputs) == set(found)
            for name, expected in outputs.items():
                assert torch.equal(expected.lengths(), found[name].lengths)
                rows, dtype = found[name].values, DTYPES[case.output_dtype]
                assert rows.dtype is dtype
                # A row is looked up, and rounded once.
                difference = (expected.values() - rows.float()).abs()
                if dtype is not torch.float32:
                    difference -= torch.finfo(dtype).eps * expected.values().abs() / 2
                off = max([off, *difference.flatten().tolist()])
    (sum(losses) / len(ranks)).backward()
    with torch.no_grad():
        for table in case.tables:
            weight = whole.get_submodule(str(table.dim)).embeddings[table.name].weight
            gradient = torch.zeros_like(weight) if weight.grad is None else weight.grad
            if case.optimizer != "sgd":
                squares[table.name] += gradient.square().mean(1, keepdim=True)
                gradient = gradient / (squares[table.name].sqrt() + EPS)
            weight -= RATE * gradient
            weight.grad = None
    return off


def alike(case: SequenceCase) -> bool:
    """Whether the same comes out bit by bit when it is run again."""
    return compared(case)[2] == compared(case)[2]


def asked_rows(case: SequenceCase) -> tuple[int, int]:
    """On one of the ranks: ids sent of a batch, with and without dedup."""
    sent = []
    for dedup in (True, False):
        tables = ShardedEmbeddingCollection(
            case.tables, mesh_of(case.world_size), OptimizerSettings("sgd"), dedup=dedup
        )
        inputs = tables.finish(tables.start(batch_of(case, 0, dist.get_rank())))
        sent.append(sum(inputs.ids.route.sent))
        with torch.no_grad():
            tables(inputs)
        held = [each for _, _, fields in contents(tables) for each in fields.values()]
        assert tables.pools.hbm.used_bytes == sum(each.nbytes for each in held)
    return sent[0], sent[1]


def told_of(case: SequenceCase) -> str:
    """On one of the ranks: what is said of an id that is no row."""
    tables = ShardedEmbeddingCollection(
        case.tables, mesh_of(case.world_size), OptimizerSettings("sgd"), dedup=case.dedup
    )
    lengths = torch.ones(len(tables.features), dtype=torch.int64)
    ids = torch.full((len(tables.features),), 10**6)
    try:
        tables(KeyedJaggedTensor(list(tables.features), ids, lengths=lengths))
    except ValueError as error:
        return str(error)
    return ""


def trained(case: SequenceCase) -> ShardedEmbeddingCollection:
    tables = ShardedEmbeddingCollection(
        case.tables,
        mesh_of(case.world_size),
        OptimizerSettings(case.optimizer, RATE, EPS),
        dedup=case.dedup,
        seed=case.seed,
    )
    for step in range(case.steps):
        loss_of(case, tables(batch_of(case, step, dist.get_rank())), step).backward()
    return tables


def saved(case: SequenceCase, folder: str) -> list[Any]:
    """On one of the ranks: what it holds of trained tables, of which a checkpoint is written."""
    tables = trained(case)
    save_checkpoint(folder, case.steps, tables.mesh, {"history": tables})
    return contents(tables)


def loaded(case: SequenceCase, path: str) -> list[Any]:
    """On one of the ranks: what it holds of a checkpoint."""
    tables = trained(replace(case, steps=0))
    load_checkpoint(path, tables.mesh, {"history": tables})
    assert tables.steps > 0
    return contents(tables)
