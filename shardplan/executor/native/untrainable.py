"""What the native engine would train otherwise than unsharded, of modules that can be planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.sharding.world import Extent
from shardplan.workload.collection import CollectionKind
from shardplan.workload.dtype import Dtype
from shardplan.workload.labels import spoken
from shardplan.workload.wire.wire_collective import WireCollective

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.model.sparse_module import SparseModule


_SENT = frozenset({*map(str, Dtype), "int8", "fp8"})
"""Formats of the wire that it has."""
_ELSEWHERE = (CollectionKind.FEATURE_PROCESSED, CollectionKind.MANAGED_COLLISION)
"""Kinds that TorchRec alone has."""


def untrainable(modules: Iterable[SparseModule]) -> Iterator[Diagnostic]:
    """Tables by module, each with what it would not get.

    A function that fills weights is given a whole table by the unsharded model. Called on shards it
    would give the same only if every weight depended on nothing but itself: neither on random
    numbers, which each rank draws for itself, nor on the shape of what it fills. No function says
    that of itself; those of which it is known are read (``model/initial_weights.py``), and weights
    are drawn by row and column, however the table is cut.
    """
    for module in modules:
        for table in module.tables:
            where = f"{spoken(module.path)}.{table.name}"
            if table.init_fn:
                yield _fault(
                    where,
                    f"{module.class_name}: init_fn {table.init_fn} would give shards other weights "
                    "than the whole table",
                    "give weight_init_min and weight_init_max, or none and fill the shards after",
                )


def unoffered(view: PlanView) -> Iterator[Diagnostic]:
    """Modules of kinds that this engine has not."""
    for path in view.modules:
        kind = view.collection_of(path).kind
        if kind in _ELSEWHERE:
            yield _fault(
                spoken(path),
                f"the native engine does not train modules of the kind {kind}",
                "train the plan under TorchRec: shardplan.executor.torchrec.shard",
            )


def unweighable(view: PlanView) -> Iterator[Diagnostic]:
    """Tables that average weighted rows, which no collection of PyTorch does."""
    for table in view.tables:
        if table.is_weighted and table.is_mean:
            yield _fault(
                f"{spoken(table.module)}.{table.name}",
                "mean pooling of weighted ids, which PyTorch has not",
                "solve again with pooling_type: sum, or without weighted",
            )


def unsendable(view: PlanView) -> Iterator[Diagnostic]:
    """Formats of the wire that this engine has not, and those that it cannot keep apart."""
    formats, where = view.training.comm_dtype, "training.comm_dtype"
    pairs = {each: formats.pair(each) for each in WireCollective}
    unknown = {n for pair in pairs.values() for n in (pair.forward, pair.backward)} - _SENT
    for name in sorted(unknown):
        message = f"the native engine has no codec {name}"
        yield _fault(where, message, f"it sends {', '.join(sorted(_SENT))}: solve again")
    if pairs[WireCollective.POOLED_ALL_TO_ALL] == pairs[WireCollective.REDUCE_SCATTER]:
        return
    is_hierarchical = 1 < view.local_world_size < view.world_size
    for path in view.modules if not unknown else ():
        tables = [t for t in view.tables_of(path) if t.shards and t.collection.is_pooled]
        tables = [table for table in tables if not table.keeps_hot_rows]
        flat = [t for t in tables if not (is_hierarchical and t.sharding_type.rows is Extent.NODE)]
        if len({table.row_blocks > 1 for table in flat}) > 1:
            yield _fault(
                path or "the model itself",
                "the native engine sends sums of whole rows and of row blocks in one exchange, and "
                "so in one format",
                "give pooled_all_to_all and reduce_scatter the same in training.comm_dtype",
            )


def other_rates(
    modules: Iterable[SparseModule], optimizer: OptimizerSettings
) -> Iterator[Diagnostic]:
    """Tables that the model gives other rates: here all tables have those of the job."""
    ours = {
        "lr": optimizer.learning_rate,
        "learning_rate": optimizer.learning_rate,
        "eps": optimizer.eps,
        "beta1": optimizer.beta1,
        "beta2": optimizer.beta2,
        "betas": (optimizer.beta1, optimizer.beta2),
    }
    for module in modules:
        for table in module.tables:
            for name, value in table.optimizer_settings:
                if name in ours and value != ours[name]:
                    yield _fault(
                        f"{spoken(module.path)}.{table.name}",
                        f"{module.class_name}: the model trains it with {name}={value}, the job "
                        f"with {ours[name]}",
                        "give both the same; rates of single tables are TorchRec's alone",
                    )


def _fault(where: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic("model", 0, 0, where, message, hint, code="unplanned")
