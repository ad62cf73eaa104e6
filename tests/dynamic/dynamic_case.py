"""Jobs with dynamic tables, and the model of them that tests compare with."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from shardplan import load

if TYPE_CHECKING:
    from shardplan.case import Case

DDR = {"capacity": "2TB", "read": "614GB/s"}


def job(
    *tables: dict[str, Any],
    hbm: str = "80GB",
    optimizer: str = "adam",
    nodes: int = 2,
    devices: int = 8,
    **more: Any,
) -> Case:
    """Tables on nodes of some devices, and nothing kept free."""
    return load(
        {
            "name": "job",
            "batch": {"local": 32},
            "topology": {
                "name": "h100s",
                "cost_model": "h100",
                "nodes": nodes,
                "devices_per_node": devices,
                "device": {
                    "hbm": {"capacity": hbm, "read": "3350GB/s"},
                    "host_link": "64GB/s",
                },
                "node": {"ddr": DDR},
                "scale_up": {"kind": "switch", "bandwidth": "450GB/s"},
                "nics": {"count": devices, "rate": "400Gb/s"},
            },
            "training": {"optimizer": optimizer, "pipeline": "none"},
            "defaults": {"dim": 128, "access": {"zipf": 1.05}},
            "reserve": {"hbm": "0%", "ddr": "0%"},
            "tables": list(tables),
        }
        | more
    )


def table(name: str, rows: int, dynamic: Any = "auto", **more: Any) -> dict[str, Any]:
    """A dynamic table."""
    return {"name": name, "rows": rows, "dynamic": dynamic} | more


def container_bytes(
    tables: list[tuple[int, int, int]],
    world_size: int,
    global_hbm: list[int],
    caching: bool,
    slots: int = 1,
    bucket: int = 128,
) -> tuple[int, int]:
    """HBM and host bytes of a container on each device, step by step as dynamicemb makes it.

    ``tables`` are (rows, columns, state elements) in fp32.
    """
    caps = [ceil(ceil(rows / world_size) / bucket) * bucket for rows, _, _ in tables]
    value = [4 * (dim + state) for _, dim, state in tables]
    total = sum(cap * each for cap, each in zip(caps, value, strict=True))
    local = sum(ceil(each / world_size) for each in global_hbm)

    def index(capacity: int, width: int) -> int:
        buckets = ceil(capacity / width)
        return buckets * width * (8 + 1 + 8 + 4) + 4 * buckets

    if local >= total:
        return total + sum(index(slots * cap, bucket) for cap in caps), 0
    if local == 0:
        return sum(index(slots * cap, bucket) for cap in caps), total
    scale = local / total
    hbm = host = 0
    for cap, each in zip(caps, value, strict=True):
        near = ceil(max(1, int(cap * scale)) / 1024) * 1024
        hbm += near * each + index(near, 1024)
        if caching:
            hbm += 3 * 1024 * (each + 21) + 4 + index(slots * cap, bucket)
            host += cap * each
        else:
            far = ceil(max(1, int(cap * (1 - scale))) / bucket) * bucket
            hbm += index(slots * far, bucket)
            host += far * each
    return hbm, host
