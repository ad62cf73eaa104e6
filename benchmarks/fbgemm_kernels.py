"""FBGEMM's kernels, which TorchRec trains with, where ``shardplan calibrate`` measures PyTorch's.

A cost model predicts best what the engine runs that it was measured with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from fbgemm_gpu.split_embedding_configs import EmbOptimType
from fbgemm_gpu.split_table_batched_embeddings_ops_common import EmbeddingLocation
from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
    ComputeDevice,
    SplitTableBatchedEmbeddingBagsCodegen,
)

from shardplan.calibrate.measure import worker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from shardplan.calibrate.measure.operators import Bags
    from shardplan.workload.table import Table

_LEARNING_RATE = 1e-3


class FbgemmTables:
    """Tables in one batched operator, as ``EmbeddingTables`` of the calibration has them."""

    def __init__(self, tables: Sequence[Table], device: Any) -> None:
        self.widths = [table.dim for table in tables]
        place = (EmbeddingLocation.HOST, ComputeDevice.CPU)
        self._operator = SplitTableBatchedEmbeddingBagsCodegen(
            [(table.rows, table.dim, *place) for table in tables],
            optimizer=EmbOptimType.EXACT_SGD,
            learning_rate=_LEARNING_RATE,
        )
        self._operator.init_embedding_weights_uniform(0.0, 1.0)
        self._joined: tuple[Any, Any] | None = None
        self._outputs: Any = None

    def lookup(self, bags: Sequence[Bags]) -> Any:
        """(samples, columns of all tables): the sum of each sample's rows."""
        if self._joined is None:  # TorchRec's input distribution hands them over joined.
            starts = torch.tensor([0, *(len(ids) for ids, _ in bags)]).cumsum(0)
            pairs = zip(bags, starts[:-1], strict=True)
            offsets = [of + start for (_, of), start in pairs]
            ids = torch.cat([ids for ids, _ in bags])
            self._joined = ids, torch.cat([*offsets, starts[-1:]])
        self._outputs = self._operator(*self._joined)
        return self._outputs

    def update(self, bags: Sequence[Bags], gradient: Any) -> None:
        """Update the rows that the last lookup read."""
        self._outputs.backward(gradient)


def serve(rank: int, ranks: int, rendezvous: str, on_gpu: bool, pipe: Connection) -> None:
    """The calibration's process, with these kernels in place of its own."""
    worker.EmbeddingTables = FbgemmTables  # type: ignore[misc, assignment]
    worker.serve(rank, ranks, rendezvous, on_gpu, pipe)
