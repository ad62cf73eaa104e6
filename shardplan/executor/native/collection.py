"""A sharded EmbeddingBagCollection on ``torch.distributed`` alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from shardplan.cost.phases import GRADIENT_COMM, IDS_COMM, LOOKUP_FORWARD, OUTPUT_COMM
from shardplan.executor.batch.jagged_batch import JaggedBatch
from shardplan.executor.exchange.input_dist import IdsInFlight
from shardplan.executor.exchange.output_dist import output_dists
from shardplan.executor.exchange.rank_inputs import RankInputs
from shardplan.executor.exchange.touched_dist import TouchedDist
from shardplan.executor.exchange.wire import WireWays
from shardplan.executor.native.sharded_collection import FP32_BYTES, ShardedCollection
from shardplan.executor.native.trained_lookup import TrainedLookup
from shardplan.executor.tensors.tensor import DTYPES
from shardplan.workload.dtype import Dtype
from shardplan.workload.wire.wire_type import sent_as

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.batch.jagged_batch import KeyedIds
    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.memory.memory_pool import Pools
    from shardplan.executor.native.phase_clock import PhaseClock
    from shardplan.executor.planned.module_layout import GroupLayout
    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.planned.planned_table import PlannedTable
    from shardplan.executor.tensors.tensor import Tensor
    from shardplan.workload.wire.reduction import Reduction


class ShardedEmbeddingBagCollection(ShardedCollection):
    """The tables of one module, sharded as a plan says; outputs are sums of each bag's rows.

    Or their means, where the table says so; in a module that weighs ids, each row counts by the
    weight of its id. Weights of ids get no gradient. All ranks have the same number of samples.
    Outputs and their gradients are in a format of their own, and travel in it unless the wire's is
    narrower; all adding and dividing is in fp32.
    """

    def __init__(
        self,
        tables: Sequence[PlannedTable],
        mesh: Mesh,
        optimizer: OptimizerSettings,
        *,
        is_weighted: bool = False,
        output_dtype: Dtype = Dtype.FP32,
        comm_forward: str = Dtype.FP32,
        comm_backward: str = Dtype.FP32,
        fp8_row: int | None = None,
        summed: WireWays | None = None,
        reduction: Reduction | None = None,
        pools: Pools | None = None,
        clock: PhaseClock | None = None,
        seed: int = 0,
    ) -> None:
        """Allocate this rank's shards and nothing else. Raises MemoryExceeded.

        ``comm_forward`` and ``comm_backward`` are formats by name, ``summed`` those of row blocks
        where they are others; gradients of data-parallel tables are summed by ``reduction``, by
        default flat and exactly.
        """
        super().__init__(
            tables,
            mesh,
            optimizer,
            is_weighted=is_weighted,
            is_hierarchical=mesh.is_hierarchical,
            reduction=reduction,
            pools=pools,
            clock=clock,
            seed=seed,
        )
        self.is_weighted = is_weighted
        """Whether each id of a batch has a weight."""
        self.output_dtype = DTYPES[output_dtype]
        """Format of outputs, and of their gradients."""
        forward, backward = (sent_as(output_dtype, each) for each in (comm_forward, comm_backward))
        wire = WireWays.of(forward, backward, fp8_row)
        self._outputs = output_dists(self.layout, mesh, wire, summed or wire)
        self._touched = TouchedDist(self.layout, mesh, wire)

    @property
    def features(self) -> tuple[str, ...]:
        """The features of the output, in the order of its columns."""
        return self.layout.features

    @property
    def output_columns(self) -> list[int]:
        """First output column of each feature, and their number."""
        return self.layout.columns

    def start(self, batch: JaggedBatch | KeyedIds) -> IdsInFlight:
        """Begin to send a batch's ids; TorchRec's KeyedJaggedTensor is taken too.

        Raises ValueError where a feature is missing, an id is no row of its table, features have
        batches of their own size, or weights of ids are missing or want a gradient.
        """
        with self.clock.phase(IDS_COMM):
            given = JaggedBatch.of(batch)
            if not self.is_weighted:
                given = replace(given, weights=None)
            elif given.weights is not None and given.weights.requires_grad:
                raise ValueError(
                    "weights of ids get no gradient here, as under TorchRec: detach them, or train "
                    "them apart"
                )
            return self._inputs.start(given.select(self.features).to(self.mesh.device))

    def advance(self, batch: IdsInFlight) -> None:
        """Send the ids themselves, once the lengths are here."""
        with self.clock.phase(IDS_COMM):
            batch.advance()

    def stage(self, inputs: RankInputs) -> None:
        """Bring the rows of a batch into the caches, before it is looked up."""
        self._stage(inputs)

    def finish(self, batch: IdsInFlight) -> RankInputs:
        """Wait for a batch's ids."""
        with self.clock.phase(IDS_COMM):
            return batch.finish()

    def forward(self, batch: JaggedBatch | KeyedIds | IdsInFlight | RankInputs) -> Tensor:
        """(samples, columns of all features) in the format of outputs.

        ``batch`` may be on its way already (``start``) or be here (``finish``).
        """
        if not isinstance(batch, IdsInFlight | RankInputs):
            batch = self.start(batch)
        inputs = self.finish(batch) if isinstance(batch, IdsInFlight) else batch
        if torch.is_grad_enabled():
            return TrainedLookup.apply(self._anchor, self, inputs)
        output = self.look_up(inputs)
        self._done(inputs)
        return output

    def look_up(self, inputs: RankInputs) -> Tensor:
        """The forward pass, outside of autograd."""
        samples = inputs.samples
        own_bytes = FP32_BYTES * samples * self.replicated.columns
        with self.pools.hbm.held(self._sums_bytes(inputs) + own_bytes, "sums"):
            with self.clock.phase(LOOKUP_FORWARD):
                pooled = {
                    group.layout: group.lookup(bags)
                    for group, bags in zip(self.groups, inputs.groups, strict=True)
                }
                sums = self._replicated_sums(inputs)
            self.pools.hbm.charge(self._output_bytes(inputs), "outputs")
            wire_bytes = sum(way.buffer_bytes(samples)[0] for way in self._outputs)
            touched = inputs.touched
            wire_bytes += 0 if touched is None else self._touched.buffer_bytes(touched)[0]
            with self.clock.phase(OUTPUT_COMM), self.pools.hbm.held(wire_bytes, "wire"):
                for way in self._outputs:
                    sums |= way.forward([pooled.pop(group) for group in way.groups], samples)
                if touched is not None:
                    own = [pooled.pop(group) for group in self._touched.groups]
                    self._touched.forward(own, touched, sums)
                # Means are divided before they are rounded.
                dtype = torch.float32 if self.layout.mean_spans else self.output_dtype
                shape = samples, self.layout.width
                output = torch.empty(shape, dtype=dtype, device=self.mesh.device)
                # By one kernel: copied one after the other, narrow columns take twice the time.
                torch.cat([sums[column] for column in sorted(sums)], 1, out=output)
            if self.layout.mean_spans:
                with self.pools.hbm.held(self._widened_bytes(inputs), "sums"):
                    self._average(output, inputs)
        return output.to(self.output_dtype)

    def update(self, inputs: RankInputs, gradient: Tensor) -> None:
        """The backward pass: gradients travel, are summed by row, and the optimizer runs."""
        self.steps += 1
        held_bytes = self._sums_bytes(inputs) + self._output_bytes(inputs)
        if self.layout.mean_spans:
            held_bytes += FP32_BYTES * gradient.numel()
        elif self.layout.replicated:
            held_bytes += self._widened_bytes(inputs)
        with self.pools.hbm.held(held_bytes, "gradients"):
            if self.layout.mean_spans:
                gradient = gradient.to(torch.float32, copy=True)
                self._average(gradient, inputs)
            elif self.layout.replicated:
                gradient = gradient.float()
            self._update(inputs, gradient)
        self._done(inputs)

    def _update(self, inputs: RankInputs, gradient: Tensor) -> None:
        scale = 1 / self.mesh.world_size
        with self.clock.phase(GRADIENT_COMM):
            received: dict[GroupLayout, list[Tensor]] = {}
            for way in self._outputs:
                with self.pools.hbm.held(way.buffer_bytes(inputs.samples)[1], "wire"):
                    received |= zip(way.groups, way.backward(gradient, scale), strict=True)
            if inputs.touched is not None:
                touched = inputs.touched
                with self.pools.hbm.held(self._touched.buffer_bytes(touched)[1], "wire"):
                    found = self._touched.backward(gradient, touched, scale)
                    received |= zip(self._touched.groups, found, strict=True)
        columns = self.layout.columns
        of_replicas = [
            [gradient[:, columns[feature] : columns[feature + 1]] for feature in features]
            for features in self.replicated.features
        ]
        self._apply(inputs, received, of_replicas)

    def _replicated_sums(self, inputs: RankInputs) -> dict[int, Tensor]:
        """By first column of the output, (samples, dim) sums of data-parallel tables."""
        found = self.replicated.lookup(inputs.replicated)
        return {
            self.layout.columns[feature]: sums
            for features, of_group in zip(self.replicated.features, found, strict=True)
            for feature, sums in zip(features, of_group, strict=True)
        }

    def _average(self, values: Tensor, inputs: RankInputs) -> None:
        """Divide the averaged features of (samples, columns) by how many ids each sample has.

        Sums become means, and gradients of means those of sums. Without ids a sample has zeros.
        """
        for span in self.layout.mean_spans:
            end = span.first_column + span.features * span.width
            of_span = values[:, span.first_column : end].unflatten(1, (span.features, span.width))
            features = slice(span.first_feature, span.first_feature + span.features)
            of_span.div_(inputs.lengths[features].t().clamp(min=1).unsqueeze(2))

    def _done(self, inputs: RankInputs) -> None:
        """A batch is no longer in flight."""
        self._release(inputs)
        self.pools.hbm.release(self._output_bytes(inputs), "outputs")

    def _output_bytes(self, inputs: RankInputs) -> int:
        return int(self.output_dtype.itemsize) * inputs.samples * self.layout.width

    def _widened_bytes(self, inputs: RankInputs) -> int:
        """Of outputs in fp32 beside those in their own format."""
        is_narrow = self.output_dtype is not torch.float32
        return FP32_BYTES * inputs.samples * self.layout.width * is_narrow

    def _sums_bytes(self, inputs: RankInputs) -> int:
        """Of what this rank sums for all ranks, in fp32."""
        pairs = zip(self.groups, inputs.groups, strict=True)
        numbers = [int(bags.lengths.numel()) * group.layout.width for group, bags in pairs]
        return FP32_BYTES * sum(numbers)
