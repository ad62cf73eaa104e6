"""One node of the machine and what joins it to the others, with the links that hold things up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.render.html.svg import (
    BELOW_MIDDLE,
    WIDTH,
    label,
    picture,
    rectangles,
    text_of,
)
from shardplan.explain.report.report import Column, Grid, Section
from shardplan.topology.collective import Collective, Scope
from shardplan.units import format_rate

if TYPE_CHECKING:
    from shardplan.topology.level import Link
    from shardplan.topology.topology import Topology

_ROW = 74.0
_BOX = 24.0
_WIDEST = 84.0
_FILLED = 0.8
"""Of the room that a vertex has, by its box; and of the widest box, by a whole name."""
_BEND, _HIGHEST_BEND = 0.08, 0.45
"""Of arcs between vertices of a row: of their distance, and at most of the row's height."""
_UPPER = ("switch", "device", "port", "host", "nic")
"""Kinds of vertices from the top down; groups of the fabric and the core lie below."""


def machine_picture(topology: Topology) -> str:
    """The first node, its scale-up domain's switch, and the groups that its NICs lead to."""
    names = _first_node(topology)
    places = _places(topology, names)
    hot = {frozenset((link.tail, link.head)) for _, link in bottlenecks(topology)}
    kinds = {(_kind(link.tail), _kind(link.head)) for _, link in bottlenecks(topology)}
    parts, seen = [], set()
    for tail, head in topology.graph.subgraph(names).edges:
        ends = frozenset((tail, head))
        if ends not in seen:
            seen.add(ends)
            alike = (_kind(tail), _kind(head)) in kinds or (_kind(head), _kind(tail)) in kinds
            is_hot = ends in hot or (alike and _rate(topology, ends) in _rates(topology, hot))
            parts.append(_link(places[tail], places[head], is_hot, _kind(tail) == _kind(head)))
    parts.append(rectangles([_box(place) for place in places.values()], "vertex"))
    for name, (x, y, width) in places.items():
        shown = name if width >= _WIDEST * _FILLED else name.rpartition(":")[2]
        parts.append(label(x, y + BELOW_MIDDLE, shown, "middle", "strong"))
    height = max(y for _, y, _ in places.values()) + _ROW / 2
    return picture(height, parts, "the links of one node; those that collectives wait for in red")


def bottlenecks_section(topology: Topology) -> Section:
    """What each collective over all devices waits for."""
    columns = (Column("collective"), Column("waits for"), Column("link rate", True))
    rows = tuple(
        (collective.value, str(link), format_rate(link.bytes_per_second))
        for collective, link in bottlenecks(topology)
    )
    return Section("", grid=Grid(columns, rows))


def bottlenecks(topology: Topology) -> list[tuple[Collective, Link]]:
    """The link that each collective over all devices waits for."""
    found = ((each, topology.bottleneck(each, Scope.ALL)) for each in Collective)
    return [(collective, link) for collective, link in found if link is not None]


def _first_node(topology: Topology) -> list[str]:
    """The vertices that belong to the first node, or lie above it, in the order of the graph."""
    each = topology.devices_per_node
    wanted = {f"{kind}:{rank}" for kind in ("device", "port") for rank in range(each)}
    wanted |= {"host:0", "switch:0", "core"}
    wanted |= {name for name in topology.graph if name.startswith("nic:0.")}
    groups = {"device", "port", "host", "switch", "nic", "core"}
    wanted |= {n for n in topology.graph if n.endswith(":0") and _kind(n) not in groups}
    return [name for name in topology.graph if name in wanted]


def _places(topology: Topology, names: list[str]) -> dict[str, tuple[float, float, float]]:
    """Middle and width of each vertex: a row per kind."""
    kinds = list(dict.fromkeys(_kind(name) for name in names))
    fabric = [kind for kind in kinds if kind not in (*_UPPER, "core")]
    order = [kind for kind in (*_UPPER, *fabric, "core") if kind in kinds]
    found = {}
    for row, kind in enumerate(order):
        members = [name for name in names if _kind(name) == kind]
        step = WIDTH / len(members)
        for number, name in enumerate(members):
            width = min(_WIDEST, step * _FILLED)
            found[name] = ((number + 0.5) * step, row * _ROW + _ROW / 2, width)
    return found


def _kind(name: str) -> str:
    return name.partition(":")[0]


def _rate(topology: Topology, ends: frozenset[str]) -> float:
    tail, head = sorted(ends)
    rate: float = topology.graph.edges[tail, head]["bytes_per_second"]
    return rate


def _rates(topology: Topology, links: set[frozenset[str]]) -> set[float]:
    return {_rate(topology, ends) for ends in links}


def _box(place: tuple[float, float, float]) -> tuple[float, float, float, float]:
    x, y, width = place
    return x - width / 2, y - _BOX / 2, width, _BOX


def _link(
    tail: tuple[float, float, float], head: tuple[float, float, float], is_hot: bool, is_flat: bool
) -> str:
    """A straight line, or between vertices of one row an arc above them."""
    style = "link hot" if is_hot else "link"
    (x1, y1, _), (x2, y2, _) = tail, head
    if is_flat:
        bend = y1 - _BOX / 2 - min(_ROW * _HIGHEST_BEND, abs(x2 - x1) * _BEND)
        y = y1 - _BOX / 2
        path = f"M{x1:.1f} {y:.1f}Q{(x1 + x2) / 2:.1f} {bend:.1f} {x2:.1f} {y:.1f}"
    else:
        path = f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"
    return f'<path class="{text_of(style)}" d="{path}"/>'
