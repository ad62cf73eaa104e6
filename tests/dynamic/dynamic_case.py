"""Jobs with dynamic tables, and the model of them that tests compare with."""

from __future__ import annotations

from dataclasses import dataclass
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
    ddr: str = "2TB",
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
                "node": {"ddr": DDR | {"capacity": ddr}},
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


@dataclass(frozen=True)
class Kept:
    """A table of a container, as dynamicemb is told of it."""

    rows: int
    value_bytes: int
    """Of a row with its optimizer state."""
    bucket: int = 128
    slot_bytes: int = 8 + 1 + 8 + 4
    """Key, digest, score and counter."""
    never_evicts: bool = False

    def index_bytes(self, rows: int, bucket: int | None = None, is_far: bool = True) -> int:
        """Of the index of so many rows; made for a load factor of a half where none is evicted."""
        width = bucket or self.bucket
        buckets = ceil((2 * rows if self.never_evicts and is_far else rows) / width)
        return buckets * (width * self.slot_bytes + 4)


def container_bytes(
    tables: list[Kept], world_size: int, global_hbm: list[int], caching: bool
) -> list[tuple[int, int]]:
    """HBM and host bytes of each table on each device, step by step as dynamicemb makes them."""
    caps = [ceil(ceil(t.rows / world_size) / t.bucket) * t.bucket for t in tables]
    total = sum(cap * t.value_bytes for cap, t in zip(caps, tables, strict=True))
    local = sum(ceil(each / world_size) for each in global_hbm)
    held = []
    for cap, t in zip(caps, tables, strict=True):
        value, index = t.value_bytes, t.index_bytes(cap)
        if local >= total:
            held.append((cap * value + index, 0))
        elif local == 0:
            held.append((index, cap * value))
        else:
            near = ceil(max(1, int(cap * (local / total))) / 1024) * 1024
            hbm = near * value + t.index_bytes(near, 1024, is_far=False)
            if caching:
                overflow = 3 * 1024 * (value + t.slot_bytes) + 4
                held.append((hbm + overflow + index, cap * value))
            else:
                far = max(1, int(cap * (1.0 - local / total)))
                whole = far if t.never_evicts else ceil(far / t.bucket) * t.bucket
                held.append((hbm + t.index_bytes(far), whole * value))
    return held
