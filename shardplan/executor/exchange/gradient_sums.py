"""Sums of gradients over all ranks, by the way that a plan chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.executor.exchange.largest_numbers import LargestNumbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.tensors.tensor import Tensor
    from shardplan.workload.wire.reduction import Reduction


class GradientSums:
    """Of flat fp32 numbers, over all ranks at once or inside the nodes first.

    Every rank gets the same bits. Where sums are not exact, a rank sends its largest numbers alone,
    or its part of its node's sum the largest of that part, and keeps the rest.
    """

    def __init__(self, mesh: Mesh, reduction: Reduction) -> None:
        by_node = reduction.algorithm.has_levels(mesh.world_size, mesh.local_world_size)
        self._inside = mesh.node if by_node else None
        self._across = mesh.peers if by_node else mesh.all
        self._reduction = reduction
        self.leaves_rest = not reduction.is_exact and mesh.world_size > 1
        """Whether ranks keep what they did not send."""

    def pairs_bytes(self, numbers: int) -> int:
        """What so many numbers take on their way, beside the room for them all."""
        if not self.leaves_rest:
            return 0
        part = -(-numbers // self._inside.size) if self._inside else numbers
        sent = self._reduction.sent_numbers(part)
        return self._across.size * sent * LargestNumbers.pair_bytes(part)

    def sum(self, values: Tensor, keep_rest: Callable[[], None], what: str) -> None:
        """Make flat numbers the sums over all ranks, in place.

        Where ranks keep a rest, ``keep_rest`` is called once ``values`` are what this rank does not
        send: to be added to what it sums the next time.
        """
        if self._inside is None:
            self._sum_across(values, keep_rest, what)
            return
        parts = values.tensor_split(self._inside.size)
        mine = self._inside.reduce_scatter(parts, what)
        for part in parts:
            if self.leaves_rest and part is not mine:
                part.zero_()  # Sent to those that sum it.
        self._sum_across(mine, keep_rest, what)
        self._inside.gather_parts(parts, what)

    def _sum_across(self, mine: Tensor, keep_rest: Callable[[], None], what: str) -> None:
        if not self.leaves_rest:
            self._across.all_reduce(mine, what)
            return
        count = self._reduction.sent_numbers(mine.numel())
        sent = LargestNumbers.taken_from(mine, count)
        keep_rest()
        sent.sum_of_all(self._across, mine, what)
