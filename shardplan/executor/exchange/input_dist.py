"""Ids on their way to the ranks that hold their rows."""

from __future__ import annotations

from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING

import torch

from shardplan.executor.batch.bags import Bags
from shardplan.executor.batch.checked_ids import checked_ids
from shardplan.executor.batch.hot_ids import FeatureIds, HotIds
from shardplan.executor.exchange.rank_inputs import IdsRoute, RankInputs, TouchedBags
from shardplan.executor.tensors.runs import runs_of
from shardplan.executor.tensors.sorting import stable_order
from shardplan.executor.tensors.tensor import index_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.batch.jagged_batch import JaggedBatch
    from shardplan.executor.exchange.mesh import Mesh, Pending
    from shardplan.executor.memory.memory_pool import MemoryPool
    from shardplan.executor.planned.module_layout import GroupLayout, ModuleLayout
    from shardplan.executor.tensors.tensor import Tensor

_WHAT, _WEIGHTS = "the exchange of ids", "the exchange of weights of ids"


class InputDist:
    """How the ids of one module are cut and sent."""

    def __init__(
        self, layout: ModuleLayout, mesh: Mesh, pool: MemoryPool, is_weighted: bool = False
    ) -> None:
        self.layout = layout
        self.is_weighted = is_weighted
        """Whether ids travel with weights."""
        self.mesh = mesh
        self.pool = pool
        """Where ids in flight lie."""
        tables = layout.table_of_feature
        self.table_rows = torch.tensor([table.rows for table in tables], device=mesh.device)
        self._split = [i for i, table in enumerate(tables) if table.row_blocks > 1]
        self._block_rows = torch.tensor(
            [tables[i].block_rows for i in self._split], device=mesh.device, dtype=torch.int64
        )
        self._first_piece = list(accumulate((table.row_blocks for table in tables), initial=0))
        slots = [layout.slots_of(rank) for rank in range(mesh.world_size)]
        self.slot_counts = [len(each) for each in slots]
        self._piece_of_slot = [
            self._first_piece[slot.feature] + slot.row_block for each in slots for slot in each
        ]
        self._shifts = [
            base - held.shard.row_offset
            for group in chain(*layout.groups)
            for base, held in zip(group.base_rows, group.shards, strict=False)
            for _ in held.slots
        ]
        """Of each slot, from an id to a row of its group's store."""
        self._dtype = index_dtype(layout.most_rows)
        self._replicated_features = [
            torch.tensor([*chain(*group.features)], device=mesh.device, dtype=torch.int64)
            for group in layout.replicated
        ]
        self._order = torch.tensor(self._piece_of_slot, device=mesh.device, dtype=torch.int64)
        every = [slot for each in slots for slot in each]
        touched = [place for place, slot in enumerate(every) if slot.is_touched]
        self._touched = self._order[touched]
        """Of each slot of every rank that sums the bags alone that have any of its rows."""
        self._hot = HotIds(layout, mesh.device)

    def start(self, batch: JaggedBatch) -> IdsInFlight:
        """Send the lengths. Raises ValueError where an id is no row of its table."""
        parts = checked_ids(batch, self.table_rows)
        of_ids = self._weights(batch, parts)
        sharded, alike = self._hot.split(FeatureIds(parts, batch.lengths, of_ids))
        pieces, weights, lengths, order = self._pieces(sharded)
        samples = batch.samples
        mine = self.slot_counts[self.mesh.rank]
        pending = self.mesh.ids.all_to_all(
            lengths[self._order].view(-1),
            [count * samples for count in self.slot_counts],
            [mine * samples] * self.mesh.world_size,
            _WHAT,
        )
        sent = [pieces[piece] for piece in self._piece_of_slot]
        sent_weights = [weights[piece] for piece in self._piece_of_slot] if weights else []
        replicated = self._replicated(alike)
        touched = lengths[self._touched] > 0 if len(self._touched) else None
        flight = IdsInFlight(
            self, sent, sent_weights, pending, replicated, batch.lengths, order, touched
        )
        held = [batch.values, batch.lengths, *(of_ids and [batch.weights])]
        held += [each for b in replicated for each in (b.ids, b.lengths, b.weights)]
        flight.reserve(sum(each.nbytes for each in held if each is not None))
        return flight

    def rows_to_send(self, pieces: Sequence[Tensor]) -> Tensor:
        """Ids of each slot of all ranks, one behind the other, as rows of the slots' stores."""
        return self._rows(pieces, self._shifts)

    def _rows(self, pieces: Sequence[Tensor], shifts: Sequence[int]) -> Tensor:
        """The pieces one behind the other, to each id of a piece its shift added."""
        counts = [piece.numel() for piece in pieces]
        whole = torch.empty(sum(counts), dtype=self._dtype, device=self.mesh.device)
        if pieces:
            parts = whole.split(counts)
            # Kernels for all pieces, as PyTorch's optimizers call them.
            torch._foreach_copy_(parts, pieces)
            torch._foreach_add_(parts, shifts)
        return whole

    def _weights(self, batch: JaggedBatch, parts: list[Tensor]) -> list[Tensor]:
        """Weights of each feature's ids; none where they do not count."""
        if not self.is_weighted:
            return []
        if batch.weights is None:
            raise ValueError("the module weighs ids, and those of the batch have no weights")
        if batch.weights.shape != batch.values.shape:
            raise ValueError(
                f"{batch.weights.numel()} weights for {batch.values.numel()} ids of the batch"
            )
        return list(batch.weights.split([part.numel() for part in parts]))

    def _pieces(
        self, given: FeatureIds
    ) -> tuple[list[Tensor], list[Tensor], Tensor, Tensor | None]:
        """Ids of each (feature, row block), their weights, and their (pieces, samples) lengths.

        Last, the order of ids in pieces, of all features whose rows are cut side by side.
        """
        parts, weights = given.ids, given.weights
        if not self._split:
            return parts, weights, given.lengths, None
        order, counts, cut_lengths = self._cut(parts, given.lengths[self._split])
        lengths = given.lengths.new_empty((self._first_piece[-1], given.lengths.shape[1]))
        taken = 0
        for feature in range(len(parts)):
            first, end = self._first_piece[feature], self._first_piece[feature + 1]
            if end - first == 1:
                lengths[first] = given.lengths[feature]
            else:
                lengths[first:end] = cut_lengths[taken : taken + end - first]
                taken += end - first
        pieces = self._in_pieces(parts, order, counts)
        of_pieces = self._in_pieces(weights, order, counts) if weights else []
        return pieces, of_pieces, lengths, order

    def _in_pieces(self, parts: list[Tensor], order: Tensor, counts: list[int]) -> list[Tensor]:
        """What each id of each feature has, by (feature, row block)."""
        cut = torch.cat([parts[i] for i in self._split])[order].split(counts)
        pieces: list[Tensor] = []
        taken = 0
        for feature, part in enumerate(parts):
            blocks = self._first_piece[feature + 1] - self._first_piece[feature]
            pieces += [part] if blocks == 1 else cut[taken : taken + blocks]
            taken += 0 if blocks == 1 else blocks
        return pieces

    def _cut(self, parts: Sequence[Tensor], lengths: Tensor) -> tuple[Tensor, list[int], Tensor]:
        """The pieces of the features whose rows are cut, by a stable sort by row block.

        The order of their ids, how many are of each piece, and of each piece and sample.
        """
        samples = lengths.shape[1]
        blocks = [self.layout.table_of_feature[i].row_blocks for i in self._split]
        firsts = torch.tensor(list(accumulate(blocks, initial=0))[:-1], device=lengths.device)
        values = torch.cat([parts[i] for i in self._split])
        counts = lengths.sum(1)
        piece = runs_of(firsts, counts) + values // runs_of(self._block_rows, counts)
        bags = torch.arange(lengths.numel(), device=lengths.device)
        sample = runs_of(bags, lengths.reshape(-1)) % samples
        of_piece = torch.bincount(piece * samples + sample, minlength=sum(blocks) * samples)
        cut_lengths = of_piece.view(-1, samples)
        return stable_order(piece, sum(blocks)), cut_lengths.sum(1).tolist(), cut_lengths

    def _replicated(self, given: FeatureIds) -> tuple[Bags, ...]:
        """Of each group of data-parallel tables; ids become rows of its store."""
        found, weights = [], given.weights
        for group, features in zip(self.layout.replicated, self._replicated_features, strict=True):
            bases = zip(group.base_rows, group.features, strict=False)
            shifts = [base for base, of_table in bases for _ in of_table]
            ids = self._rows([given.ids[feature] for feature in features.tolist()], shifts)
            of_ids = torch.cat([weights[i] for i in features.tolist()]) if weights else None
            found.append(Bags(ids, given.lengths[features], group.base_rows[-1], of_ids))
        return tuple(found)


class IdsInFlight:
    """A batch between the ranks: first its lengths travel, then its ids."""

    def __init__(
        self,
        dist: InputDist,
        pieces: list[Tensor],
        weights: list[Tensor],
        lengths: Pending,
        replicated: tuple[Bags, ...],
        own_lengths: Tensor,
        cut_order: Tensor | None,
        touched: Tensor | None,
    ) -> None:
        self._dist = dist
        self._pieces = pieces
        self._weight_pieces = weights
        self._pending_lengths = lengths
        self._replicated = replicated
        self._own_lengths = own_lengths
        self._cut_order = cut_order
        self._touched = touched
        self._sent_counts = [piece.numel() for piece in pieces]
        self._samples = int(own_lengths.shape[1])
        self._lengths: Tensor = None
        self._totals: list[list[int]] = []
        self._ids: Pending | None = None
        self._weights: Pending | None = None
        self._reserved_bytes = 0

    def advance(self) -> None:
        """Send the ids, once the lengths are here."""
        if self._ids is not None:
            return
        mesh, counts = self._dist.mesh, self._dist.slot_counts
        self.reserve(self._pending_lengths.buffer.nbytes)
        mine = counts[mesh.rank]
        self._lengths = self._pending_lengths.wait().view(mesh.world_size, mine, self._samples)
        ends = list(accumulate(counts, initial=0))
        send = [sum(self._sent_counts[start:end]) for start, end in pairwise(ends)]
        self._totals = self._lengths.sum(2).tolist()
        receive = [sum(totals) for totals in self._totals]
        rows = self._dist.rows_to_send(self._pieces)
        self.reserve(rows.element_size() * sum(receive))
        self._ids = mesh.ids.all_to_all(rows, send, receive, _WHAT)
        self._pieces = []
        if self._dist.is_weighted:
            parts = self._weight_pieces
            weights = torch.cat(parts) if parts else self._own_lengths.new_empty(0).float()
            self.reserve(weights.element_size() * sum(receive))
            self._weights = mesh.ids.all_to_all(weights, send, receive, _WEIGHTS)
            self._weight_pieces = []

    def finish(self) -> RankInputs:
        """What this rank looks up, once the ids are here."""
        self.advance()
        assert self._ids is not None
        weights = None if self._weights is None else self._weights.wait()
        groups = self._dist.layout.groups[self._dist.mesh.rank]
        bags = self._bags(self._ids.wait(), weights, groups)
        route = IdsRoute(self._sent_counts, self._totals, self._cut_order)
        held, lengths = self._reserved_bytes, self._own_lengths
        touched = None if self._touched is None else self._touched_bags(bags, groups)
        bags = tuple(
            each.without_empty() if group.is_touched else each
            for each, group in zip(bags, groups, strict=True)
        )
        return RankInputs(bags, self._replicated, self._samples, held, lengths, route, touched)

    def _touched_bags(self, bags: Sequence[Bags], groups: Sequence[GroupLayout]) -> TouchedBags:
        of_ranks = [
            (each.lengths > 0).sum((1, 2)).tolist()
            for each, group in zip(bags, groups, strict=True)
            if group.is_touched
        ]
        return TouchedBags(self._touched, of_ranks)

    def reserve(self, count: int) -> None:
        """Count bytes that are held until the batch is done."""
        self._dist.pool.charge(count, "ids")
        self._reserved_bytes += count

    def _bags(
        self, ids: Tensor, weights: Tensor | None, groups: Sequence[GroupLayout]
    ) -> tuple[Bags, ...]:
        """What every rank sends to each group, rank after rank."""
        bounds = [*accumulate((len(group.slots) for group in groups), initial=0)]
        spans = [slice(*pair) for pair in pairwise(bounds)]
        counts = [sum(totals[span]) for totals in self._totals for span in spans]
        parts = ids.split(counts) if spans else []
        of_ids = weights.split(counts) if spans and weights is not None else []
        return tuple(
            Bags(
                _joined(parts[i :: len(spans)]),
                self._lengths[:, span],
                group.base_rows[-1],
                _joined(of_ids[i :: len(spans)]) if of_ids else None,
            )
            for i, (group, span) in enumerate(zip(groups, spans, strict=True))
        )


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat(parts) if len(parts) > 1 else parts[0]
