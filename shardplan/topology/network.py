"""The graph as arrays, and how a flow spreads over its links."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shardplan.topology.level import Link
from shardplan.topology.symmetry import refine

if TYPE_CHECKING:
    import networkx as nx
    from numpy.typing import NDArray

    from shardplan.topology.layout import Layout


@dataclass(frozen=True)
class Network:
    """V vertices, of which the first are the devices in order of rank, and E directed links."""

    names: tuple[str, ...]
    kinds: NDArray[np.int64]
    """(V,): equal numbers for vertices of one kind."""
    tail: NDArray[np.int64]
    """(E,): the vertex that a link leaves."""
    head: NDArray[np.int64]
    """(E,): the vertex that it enters."""
    bytes_per_second: NDArray[np.float64]
    """(E,): what it carries."""
    kinship: NDArray[np.int64]
    """(E,): the ``Layout.kinship`` of the ends of links between devices, 0 for other links."""

    @classmethod
    def of(cls, graph: nx.DiGraph[str], layout: Layout) -> Network:
        """The arrays of a graph of ``build_graph``, in its order."""
        names = tuple(graph)
        index = {name: position for position, name in enumerate(names)}
        links: list[tuple[str, str, float]] = list(graph.edges(data="bytes_per_second"))
        tail = np.array([index[name] for name, _, _ in links], dtype=np.int64)
        head = np.array([index[name] for _, name, _ in links], dtype=np.int64)
        is_direct = np.maximum(tail, head) < layout.world_size
        return cls(
            names=names,
            kinds=np.unique([graph.nodes[name]["kind"] for name in names], return_inverse=True)[1],
            tail=tail,
            head=head,
            bytes_per_second=np.array([rate for _, _, rate in links], dtype=np.float64),
            kinship=np.where(is_direct, layout.kinship(tail, head), 0),
        )

    @cached_property
    def colours(self) -> NDArray[np.int64]:
        """(V,): equal numbers for vertices that are in the same position in the network."""
        rates = np.unique(self.bytes_per_second, return_inverse=True)[1]
        return refine(self.kinds, self.tail, self.head, rates)

    @cached_property
    def link_classes(self) -> NDArray[np.int64]:
        """(E,): equal numbers for links of one rate between vertices of equal colours.

        Links of a mesh inside a node, between peers and between others carry different flows.
        """
        ends = (self.colours[self.tail], self.colours[self.head])
        alike = np.stack((*ends, self.bytes_per_second, self.kinship))
        return np.unique(alike, axis=1, return_inverse=True)[1].reshape(-1)

    def link(self, position: int) -> Link:
        """A link by its position, by name."""
        tail, head = self.names[self.tail[position]], self.names[self.head[position]]
        return Link(tail, head, float(self.bytes_per_second[position]))

    def spread(self, source: int, demand: NDArray[np.float64]) -> NDArray[np.float64]:
        """(E,): the bytes on each link when ``source`` sends ``demand[v]`` bytes to each vertex v.

        Flows take the paths with the fewest links, evenly over all of these. As in Brandes ("A
        faster algorithm for betweenness centrality", 2001, section 4) paths are counted outwards
        from the source, and what vertices need is summed back towards it.
        """
        steps, paths = self._count_paths(source, demand > 0)
        load = np.zeros(len(self.tail))
        need = demand.copy()
        for links in reversed(steps):
            tail, head = self.tail[links], self.head[links]
            load[links] = need[head] * paths[tail] / paths[head]
            need += np.bincount(tail, load[links], len(need))
        return load

    def _count_paths(
        self, source: int, wanted: NDArray[np.bool_]
    ) -> tuple[list[NDArray[np.int64]], NDArray[np.float64]]:
        """The links of shortest paths step by step until all wanted are met, and (V,) path counts.

        Raises ValueError where a wanted vertex cannot be reached.
        """
        missing = wanted.copy()
        is_seen = np.zeros(len(wanted), dtype=np.bool_)
        paths = np.zeros(len(wanted))
        front = is_seen.copy()
        front[source] = is_seen[source] = True
        paths[source] = 1.0
        steps = []
        while missing.any():
            links = np.flatnonzero(front[self.tail] & ~is_seen[self.head])
            if not links.size:
                raise ValueError(f"{self.names[source]} is not connected to all it sends to")
            paths += np.bincount(self.head[links], paths[self.tail[links]], len(paths))
            front[:] = False
            front[self.head[links]] = True
            is_seen |= front
            missing &= ~front
            steps.append(links)
        return steps, paths
