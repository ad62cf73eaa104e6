"""Whether things to be kept apart have enough devices between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def too_close(needs: NDArray[np.int64], domains: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Members of a group that together need more devices than are open to them; empty if none do.

    Member ``m`` needs ``needs[m]`` devices of its own among those of ``domains[m]`` (members, D).
    By Hall's theorem there are enough for all unless some members together have too few; these are
    what alternating paths reach from a member that a maximum matching leaves out.
    """
    everyone = np.arange(len(needs))
    if needs.sum() > domains.any(axis=0).sum():
        return everyone
    if domains.all():
        return everyone[:0]
    member = np.repeat(everyone, needs)
    wants = [("want", number) for number in range(len(member))]
    graph: nx.Graph[tuple[str, int]] = nx.Graph()
    graph.add_nodes_from(wants)
    for want, row in zip(wants, domains[member], strict=True):
        graph.add_edges_from((want, ("device", device)) for device in np.flatnonzero(row).tolist())
    matched = nx.bipartite.hopcroft_karp_matching(graph, wants)
    left = [want for want in wants if want not in matched]
    if not left:
        return everyone[:0]
    paths: nx.DiGraph[tuple[str, int]] = nx.DiGraph()
    paths.add_nodes_from(wants)
    paths.add_edges_from((want, device) for want in wants for device in graph[want])
    paths.add_edges_from((end, other) for end, other in matched.items() if end[0] == "device")
    reached = {left[0], *nx.descendants(paths, left[0])}
    return np.array(
        sorted({int(member[n]) for kind, n in reached if kind == "want"}), dtype=np.intp
    )
