"""Small spaces of candidates, each of which is planned in a blink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shardplan.size.space.build_space import build_space
from shardplan.spec.load import spec_from_value

if TYPE_CHECKING:
    from shardplan.size.space.space import Space


def machine(name: str, devices: int, hbm: str, rate: int) -> dict[str, Any]:
    """A topology of small nodes."""
    return {
        "name": name,
        "cost_model": "h100",
        "devices_per_node": devices,
        "device": {"hbm": {"capacity": hbm, "read": "3350GB/s"}, "host_link": "64GB/s"},
        "scale_up": {"kind": "switch", "bandwidth": "450GB/s"},
        "nics": {"count": devices, "rate": f"{rate}Gb/s"},
    }


def spec_value(seed: int, machines_count: int = 2) -> dict[str, Any]:
    """Tables of whole megabytes on machines that may be too small for them."""
    rng = np.random.default_rng(seed)
    tables = [
        {
            "name": f"t{n}",
            "rows": int(rng.integers(1, 60)) * 100_000,
            "pooling": int(rng.integers(1, 80)),
            "access": {"zipf": 1.05} if rng.random() < 0.5 else "uniform",
        }
        for n in range(int(rng.integers(2, 4)))
    ]
    machines = [
        {
            "topology": machine(
                f"m{n}",
                int(rng.choice([1, 2, 4])),
                f"{int(rng.choice([1, 2, 4, 16]))}GiB",
                int(rng.choice([25, 100, 400])),
            ),
            "nodes": {"min": 1, "max": int(rng.choice([4, 8]))},
            "price": f"{rng.integers(10, 60)}USD/h",
        }
        for n in range(machines_count)
    ]
    size: dict[str, Any] = {"machines": machines, "batch": [4096, 16384][: rng.integers(1, 3)]}
    if rng.random() < 0.5:
        size["samples_to_target"] = {"minimum": 1e9, "critical_batch": int(rng.integers(4e3, 4e4))}
    if rng.random() < 0.3:
        size["failures"] = {"per_node_day": 0.5, "restart": "10min", "checkpoint": "20s"}
    if rng.random() < 0.4:
        size["target"] = {"throughput": float(rng.integers(10, 60)) * 1e6}
    if rng.random() < 0.2:
        size["minimise"] = [str(rng.choice(["time", "cost"]))]
    dense = {"layers": [{"mlp": [64, int(rng.choice([128, 1024])), 1]}]}
    return {
        "batch": {"global": 4096},
        "topology": machines[0]["topology"],
        "defaults": {"dim": 64},
        "training": {"dense": dense},
        "tables": tables,
        "constraints": [{"tables": "*", "kernels": ["fused"]}],
        "size": size,
    }


def random_space(seed: int, machines_count: int = 2) -> Space:
    """Up to eight candidates of each machine."""
    return build_space(spec_from_value(spec_value(seed, machines_count), "spec"))
