"""The ways that pooled sums take to the ranks of their samples, and their gradients back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shardplan.executor.exchange.flat_dist import FlatDist
from shardplan.executor.exchange.node_first_dist import NodeFirstDist

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.exchange.wire import WireWays
    from shardplan.executor.planned.module_layout import GroupLayout, ModuleLayout
    from shardplan.executor.tensors.tensor import Tensor


class OutputDist(Protocol):
    """One way for sums to travel; each takes some of a rank's groups."""

    groups: tuple[GroupLayout, ...]

    def buffer_bytes(self, samples: int) -> tuple[int, int]:
        """What either direction takes besides sums, outputs and their gradients, in fp32."""

    def forward(self, pooled: Sequence[Tensor], samples: int) -> dict[int, Tensor]:
        """What other ranks summed for this rank's samples, by first column of the output.

        ``pooled`` holds (ranks, slots, samples, width of a slot) of each group. Sums are (samples,
        width of a slot), in fp32 or as they came.
        """

    def backward(self, gradient: Tensor, scale: float) -> list[list[Tensor]]:
        """Of each group (ranks, slots, samples, width of a slot) fp32, from (samples, width).

        The ranks come in order, in one block or several that are parts of one tensor.
        They come times ``scale``, multiplied in fp32 on one side of the wire: on the way into it
        where that costs no pass of its own, else behind it, so that narrow formats keep their
        smallest numbers.
        """


def output_dists(
    layout: ModuleLayout, mesh: Mesh, whole: WireWays, summed: WireWays
) -> list[OutputDist]:
    """All the ways that the sums of a module take, for formats of the wire.

    Sums of ``whole`` rows and those of row blocks, which the receiver has ``summed``, travel in one
    exchange; its format is that of row blocks where there is nothing else. Those beside hot rows
    travel otherwise.
    """
    ways: list[OutputDist] = []
    every = [group for groups in layout.groups for group in groups if not group.is_touched]
    flat = [group for group in every if not group.is_hierarchical]
    if flat:
        cut = all(held.table.row_blocks > 1 for group in flat for held in group.shards)
        wire = summed if cut else whole
        ways.append(FlatDist(layout, mesh, wire.forward, wire.backward))
    if len(flat) < len(every):
        ways.append(NodeFirstDist(layout, mesh, inside=summed, across=whole))
    return ways
