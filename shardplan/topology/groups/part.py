"""A part of a machine, as a machine of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.sharding.grouping import Part
    from shardplan.topology.schema import FabricLevelFile, NicsFile, Rate, TierFile, TopologyFile


def part_of(file: TopologyFile, part: Part) -> TopologyFile:
    """What devices of a machine have, while the others do as they do.

    Of what a node's devices share (DDR, SSD, NICs, ingest) as large a share as they are of its
    devices; what each has to itself stays. Uplinks of the fabric are shared in the same way, since
    they are as fast as their share of the NICs below, over their oversubscription.
    """
    share = part.devices_per_node / file.devices_per_node
    node = file.node
    updates = {
        "nodes": part.nodes,
        "devices_per_node": part.devices_per_node,
        "node": node.model_copy(
            update={
                "ddr": node.ddr and _tier(node.ddr, share),
                "ssd": node.ssd and _tier(node.ssd, share),
            }
        ),
        "nics": file.nics and _nics(file.nics, share),
        "fabric": tuple(_level(level, part.node_stride) for level in file.fabric),
        "ingest": file.ingest and _times(file.ingest, share),
    }
    if file.scale_up:
        nodes = max(1, file.scale_up.nodes // part.node_stride)
        updates["scale_up"] = file.scale_up.model_copy(update={"nodes": nodes})
    return file.model_copy(update=updates)


def cut_by(file: TopologyFile, part: Part) -> str:
    """Which groups of nodes a part takes no equal share of; empty where there is none."""
    stride = part.node_stride
    levels = [("scale-up domains", file.domain_nodes)]
    levels += [(f"{level.name}s", level.nodes) for level in file.fabric]
    for name, nodes in levels:
        if nodes % stride and stride % nodes:
            return f"every {stride}th node has no equal share of {name} of {nodes} nodes"
    return ""


def _tier(tier: TierFile, share: float) -> TierFile:
    scaled = {
        key: figure.model_copy(update={"value": figure.value * share})
        for key in ("read", "write", "iops")
        if (figure := getattr(tier, key)) is not None
    }
    size = int(tier.capacity.value * share)
    capacity = tier.capacity.model_copy(update={"value": size})
    return tier.model_copy(update=scaled | {"capacity": capacity})


def _nics(nics: NicsFile, share: float) -> NicsFile:
    """As many as there are whole ones, and together as fast as their share."""
    count = max(1, int(nics.count * share))
    rate = _times(nics.rate, nics.count * share / count)
    return nics.model_copy(update={"count": count, "rate": rate})


def _times(rate: Rate, factor: float) -> Rate:
    return rate.model_copy(update={"value": rate.value * factor})


def _level(level: FabricLevelFile, stride: int) -> FabricLevelFile:
    return level.model_copy(update={"nodes": max(1, level.nodes // stride)})
