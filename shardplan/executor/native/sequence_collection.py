"""A sharded EmbeddingCollection on ``torch.distributed`` alone: a row for each id."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from shardplan.cost.phases import GRADIENT_COMM, IDS_COMM, LOOKUP_FORWARD, OUTPUT_COMM
from shardplan.executor.batch.checked_ids import checked_ids
from shardplan.executor.batch.distinct_ids import DistinctIds
from shardplan.executor.batch.jagged_batch import JaggedBatch
from shardplan.executor.batch.jagged_rows import JaggedRows
from shardplan.executor.exchange.sequence_dist import SequenceDist
from shardplan.executor.exchange.wire import WireWays
from shardplan.executor.native.sharded_collection import FP32_BYTES, ShardedCollection
from shardplan.executor.native.trained_lookup import TrainedLookup
from shardplan.executor.planned.module_layout import ModuleLayout
from shardplan.executor.tables.row_gradients import RowGradients
from shardplan.executor.tensors.tensor import DTYPES
from shardplan.workload.dtype import Dtype
from shardplan.workload.wire.wire_type import sent_as

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.batch.jagged_batch import KeyedIds
    from shardplan.executor.exchange.input_dist import IdsInFlight
    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.exchange.rank_inputs import RankInputs
    from shardplan.executor.memory.memory_pool import Pools
    from shardplan.executor.native.phase_clock import PhaseClock
    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.planned.planned_table import PlannedTable
    from shardplan.executor.tensors.tensor import Tensor
    from shardplan.workload.wire.reduction import Reduction


@dataclass(frozen=True, slots=True)
class SequencesInFlight:
    """A batch between the ranks."""

    ids: IdsInFlight
    lengths: Tensor
    """(features, samples) int64: ids of the rank's own samples."""
    distinct: DistinctIds | None
    """What was made distinct before it was sent."""


@dataclass(frozen=True, slots=True)
class SequenceInputs:
    """What one rank looks up of a batch, and what it asked for."""

    ids: RankInputs
    """Each id in a bag of its own."""
    lengths: Tensor
    """(features, samples) int64: ids of the rank's own samples."""
    distinct: DistinctIds | None


class ShardedEmbeddingCollection(ShardedCollection):
    """The tables of one module, sharded as a plan says; outputs are the rows of the ids, in order.

    With ``dedup`` each rank asks for each row of a table once, whatever the number of its ids, and
    sums the gradients of those ids before they travel. Ids have no weights here. Ranks may have
    batches of different sizes. Outputs and their gradients are in a format of their own, and travel
    in it unless the wire's is narrower.
    """

    def __init__(
        self,
        tables: Sequence[PlannedTable],
        mesh: Mesh,
        optimizer: OptimizerSettings,
        *,
        dedup: bool = False,
        output_dtype: Dtype = Dtype.FP32,
        comm_forward: str = Dtype.FP32,
        comm_backward: str = Dtype.FP32,
        fp8_row: int | None = None,
        reduction: Reduction | None = None,
        pools: Pools | None = None,
        clock: PhaseClock | None = None,
        seed: int = 0,
    ) -> None:
        """Allocate this rank's shards and nothing else. Raises MemoryExceeded.

        Gradients of data-parallel tables are summed by ``reduction``, by default flat and exactly.
        """
        # Of distinct ids a table has one list, whichever of its features they come from.
        asked = [replace(table, features=(table.name,)) for table in tables] if dedup else tables
        super().__init__(
            asked,
            mesh,
            optimizer,
            is_weighted=False,
            is_hierarchical=False,
            reduction=reduction,
            pools=pools,
            clock=clock,
            seed=seed,
        )
        self.dedup = dedup
        self._read = ModuleLayout(tables, mesh.world_size, is_hierarchical=False)
        """As the features of a batch read the tables, distinct or not."""
        self._table_rows = torch.tensor(
            [table.rows for table in self._read.table_of_feature], device=mesh.device
        )
        self.output_dtype = DTYPES[output_dtype]
        """Format of outputs, and of their gradients."""
        forward, backward = (sent_as(output_dtype, each) for each in (comm_forward, comm_backward))
        wire = WireWays.of(forward, backward, fp8_row)
        self._outputs = SequenceDist(self.layout, mesh, wire.forward, wire.backward)

    @property
    def features(self) -> tuple[str, ...]:
        """The features that are read, table by table."""
        return self._read.features

    @property
    def names(self) -> list[str]:
        """What the output of each feature is called: as it, and by its table where several read it.

        TorchRec names outputs so.
        """
        readers = Counter(self.features)
        pairs = zip(self.features, self._read.table_of_feature, strict=True)
        return [f if readers[f] == 1 else f"{f}@{table.name}" for f, table in pairs]

    def start(self, batch: JaggedBatch | KeyedIds) -> SequencesInFlight:
        """Begin to send a batch's ids; TorchRec's KeyedJaggedTensor is taken too.

        Raises ValueError where a feature is missing, an id is no row of its table, or features have
        batches of their own size.
        """
        with self.clock.phase(IDS_COMM):
            given = replace(JaggedBatch.of(batch), weights=None)
            given = given.select(self.features).to(self.mesh.device)
            distinct, asked = None, (given.values, given.lengths.sum(1, keepdim=True))
            if self.dedup:
                distinct = self._made_distinct(given)
                counts = [len(each) for each in distinct.asked]
                lengths = torch.tensor(counts, device=self.mesh.device).unsqueeze(1)
                asked = torch.cat(distinct.asked), lengths
            flight = self._inputs.start(JaggedBatch(self.layout.features, *asked))
            held_bytes = 0 if distinct is None else distinct.held_bytes
            flight.reserve(int(given.lengths.nbytes) + held_bytes)
            return SequencesInFlight(flight, given.lengths, distinct)

    def advance(self, batch: SequencesInFlight) -> None:
        """Send the ids themselves, once their numbers are here."""
        with self.clock.phase(IDS_COMM):
            batch.ids.advance()

    def finish(self, batch: SequencesInFlight) -> SequenceInputs:
        """Wait for a batch's ids."""
        with self.clock.phase(IDS_COMM):
            inputs = batch.ids.finish()
        apart = replace(
            inputs,
            groups=tuple(bags.apart() for bags in inputs.groups),
            replicated=tuple(bags.apart() for bags in inputs.replicated),
        )
        return SequenceInputs(apart, batch.lengths, batch.distinct)

    def stage(self, inputs: SequenceInputs) -> None:
        """Bring the rows of a batch into the caches, before it is looked up."""
        self._stage(inputs.ids)

    def forward(
        self, batch: JaggedBatch | KeyedIds | SequencesInFlight | SequenceInputs
    ) -> dict[str, JaggedRows]:
        """By name (``names``), the rows of each feature's ids.

        ``batch`` may be on its way already (``start``) or be here (``finish``).
        """
        if not isinstance(batch, SequencesInFlight | SequenceInputs):
            batch = self.start(batch)
        inputs = self.finish(batch) if isinstance(batch, SequencesInFlight) else batch
        if torch.is_grad_enabled():
            flat = TrainedLookup.apply(self._anchor, self, inputs)
        else:
            flat = self.look_up(inputs)
            self._done(inputs)
        rows = _by_feature(flat, self._read, inputs.lengths.sum(1).tolist())
        named = zip(self.names, rows, inputs.lengths, strict=True)
        return {name: JaggedRows(values, lengths) for name, values, lengths in named}

    def look_up(self, inputs: SequenceInputs) -> Tensor:
        """The forward pass, outside of autograd: feature after feature, flat."""
        ids, pool = inputs.ids, self.pools.hbm
        asked_bytes = self._asked_bytes(inputs, int(self.output_dtype.itemsize))
        with pool.held(self._rows_bytes(ids) + asked_bytes, "rows"):
            with self.clock.phase(LOOKUP_FORWARD):
                rows = [g.lookup(bags) for g, bags in zip(self.groups, ids.groups, strict=True)]
                of_replicas = self.replicated.lookup(ids.replicated)
            pool.charge(self._output_bytes(inputs), "outputs")
            wire_bytes = self._outputs.buffer_bytes(ids.route)[0]
            with self.clock.phase(OUTPUT_COMM), pool.held(wire_bytes, "wire"):
                flat, asked = self._room(ids, self.output_dtype)
                for features, of_group in zip(self.replicated.features, of_replicas, strict=True):
                    counts = [len(asked[feature]) for feature in features]
                    for feature, part in zip(features, of_group.split(counts), strict=True):
                        asked[feature].copy_(part)
                self._outputs.forward(rows, ids.route, asked)
                if inputs.distinct is None:
                    return flat
                pairs = zip(inputs.distinct.tables, asked, strict=True)
                return torch.cat([each[bags.positions()].view(-1) for bags, each in pairs])

    def update(self, inputs: SequenceInputs, gradient: Tensor) -> None:
        """The backward pass: gradients travel, are summed by row, and the optimizer runs.

        ``gradient`` is flat, as the output is.
        """
        self.steps += 1
        ids, pool = inputs.ids, self.pools.hbm
        held_bytes = self._rows_bytes(ids) + self._output_bytes(inputs)
        held_bytes += self._asked_bytes(inputs, FP32_BYTES)
        # Whatever is added up here is added up in fp32.
        is_added = bool(self.layout.replicated) or inputs.distinct is not None
        widened = is_added and self.output_dtype is not torch.float32
        held_bytes += FP32_BYTES * gradient.numel() * widened
        with pool.held(held_bytes, "gradients"):
            gradient = gradient.float() if widened else gradient
            with self.clock.phase(GRADIENT_COMM):
                asked = self._asked_gradients(inputs, gradient)
                with pool.held(self._outputs.buffer_bytes(ids.route)[1], "wire"):
                    got = self._outputs.backward(asked, ids.route, 1 / self.mesh.world_size)
            received = {g.layout: each for g, each in zip(self.groups, got, strict=True)}
            of_replicas = [[asked[f] for f in features] for features in self.replicated.features]
            self._apply(ids, received, of_replicas)
        self._done(inputs)

    def _made_distinct(self, batch: JaggedBatch) -> DistinctIds:
        parts = checked_ids(batch, self._table_rows)
        tables = self._read.tables
        readers = [self._read.features_of(table) for table in range(len(tables))]
        return DistinctIds.of(parts, readers, [table.rows for table in tables])

    def _room(self, ids: RankInputs, dtype: torch.dtype) -> tuple[Tensor, list[Tensor]]:
        """Room for the rows that were asked for, flat, and feature by feature."""
        counts = ids.lengths.sum(1).tolist()
        dims = [table.dim for table in self.layout.table_of_feature]
        numbers = sum(count * dim for count, dim in zip(counts, dims, strict=True))
        flat = torch.empty(numbers, dtype=dtype, device=self.mesh.device)
        return flat, _by_feature(flat, self.layout, counts)

    def _asked_gradients(self, inputs: SequenceInputs, gradient: Tensor) -> list[Tensor]:
        """(ids, dim) of each feature; of each table, summed by its distinct ids, with ``dedup``."""
        given = _by_feature(gradient, self._read, inputs.lengths.sum(1).tolist())
        if inputs.distinct is None:
            return given
        _, found = self._room(inputs.ids, torch.float32)
        for table, (bags, of_table) in enumerate(zip(inputs.distinct.tables, found, strict=True)):
            parts = [given[feature] for feature in self._read.features_of(table)]
            RowGradients(bags, parts, self.mesh.compiled).fill(of_table)
        return found

    def _done(self, inputs: SequenceInputs) -> None:
        """A batch is no longer in flight."""
        self._release(inputs.ids)
        self.pools.hbm.release(self._output_bytes(inputs), "outputs")

    def _output_bytes(self, inputs: SequenceInputs) -> int:
        dims = torch.tensor([table.dim for table in self._read.table_of_feature])
        numbers = int((inputs.lengths.sum(1).cpu() * dims).sum())
        return int(self.output_dtype.itemsize) * numbers

    def _asked_bytes(self, inputs: SequenceInputs, element_bytes: int) -> int:
        """Of the rows of distinct ids, before they are given to each id."""
        if inputs.distinct is None:
            return 0
        pairs = zip(inputs.distinct.tables, self._read.tables, strict=True)
        return element_bytes * sum(len(bags.distinct.rows) * table.dim for bags, table in pairs)

    def _rows_bytes(self, ids: RankInputs) -> int:
        """Of the rows that this rank looks up for all ranks, and for itself of replicas."""
        widths = [group.width for group in self.layout.groups[self.mesh.rank]]
        widths += [group.width for group in self.layout.replicated]
        bags = [*ids.groups, *ids.replicated]
        return FP32_BYTES * sum(len(b.ids) * width for b, width in zip(bags, widths, strict=True))


def _by_feature(flat: Tensor, layout: ModuleLayout, counts: Sequence[int]) -> list[Tensor]:
    """Views of (ids, dim) of each feature."""
    dims = [table.dim for table in layout.table_of_feature]
    parts = flat.split([count * dim for count, dim in zip(counts, dims, strict=True)])
    return [part.view(-1, dim) for part, dim in zip(parts, dims, strict=True)]
