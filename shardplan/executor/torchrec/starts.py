"""How tables begin under TorchRec, which calls ``init_fn`` on what a rank has of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.executor.torchrec.fault import fault
from shardplan.model.initial_weights import OF_WHOLE_TABLES, by_shape
from shardplan.model.tables_within import tables_within

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    from shardplan.diagnostics import Diagnostic
    from shardplan.model.sparse_module import SparseModule
    from shardplan.plan.file.plan import Plan


def start_faults(plan: Plan, modules: Sequence[SparseModule]) -> Iterator[Diagnostic]:
    """Tables that are sharded, and begin by a function that needs them whole, and on every rank.

    A job's own function is taken to give each weight its value by itself.
    """
    for module in modules:
        for table in module.tables:
            entry = plan.plan.get(module.path, {}).get(table.name)
            if entry and entry.shards and table.init_fn in OF_WHOLE_TABLES:
                yield fault(
                    plan,
                    f"plan.{module.path}.{table.name}",
                    f"init_fn {table.init_fn} would give shards other weights than the whole table",
                    "leave init_fn out, and load weights after sharding",
                )


def keep_starts(model: torch.nn.Module, plan: Plan) -> None:
    """Let shards begin as the whole table would, where a function goes by the shape of its table.

    The configs of the model say the same then in numbers.
    """
    for path in plan.plan:
        within = tables_within(model.get_submodule(path))
        assert within is not None, "a module that cannot be planned was refused before"
        for config in within.configs:
            config.init_fn = by_shape(config.init_fn, config.num_embeddings, config.embedding_dim)
