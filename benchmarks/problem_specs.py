"""What all problems of the benchmarks share: the rulers, clusters and plain values of a spec."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
GLOBAL_BATCH = 65_536
"""Of the real table sets."""
LARGEST_GLOBAL_BATCH = 131_072
"""Of drawn problems, under our ruler: the local batch shrinks as devices are added."""
_TORCHREC_LOCAL_BATCH = 4096
"""Of drawn problems, under TorchRec's ruler."""


class Ruler(StrEnum):
    """What a plan is measured by."""

    BALANCE = "balance"
    """TorchRec's own: its estimator, and the slowest rank's sum of all phases."""
    STEP_TIME = "step_time"
    """Ours: the profile ``h100``, and the time of a step."""


def read_yaml(name: str) -> dict[str, Any]:
    """One of the YAML files of this folder."""
    value: dict[str, Any] = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
    return value


def on_dgx(tables: list[dict[str, Any]], nodes: int, optimizer: str) -> dict[str, Any]:
    """On DGX H100, of whose HBM 15% are kept for the dense part."""
    cluster = {"name": "dgx-h100", "nodes": nodes}
    spec = spec_of(tables, cluster, {"global": GLOBAL_BATCH}, {"optimizer": optimizer})
    return spec | {"reserve": {"hbm": "15%"}}


def on_bench(
    tables: list[dict[str, Any]], devices: int, hbm_bytes: int, ruler: Ruler
) -> dict[str, Any]:
    """On devices of the H100's class with that much HBM."""
    local = _TORCHREC_LOCAL_BATCH
    if ruler is Ruler.STEP_TIME:
        local = min(local, LARGEST_GLOBAL_BATCH // devices)
    batch, training = {"local": local}, {"optimizer": "rowwise_adagrad"}
    return spec_of(tables, bench_cluster(devices, hbm_bytes), batch, training)


def bench_cluster(devices: int, hbm_bytes: int) -> dict[str, Any]:
    """Nodes of 8 devices, or a single smaller one."""
    value = read_yaml("cluster.yaml")
    each = min(8, devices)
    value |= {"nodes": devices // each, "devices_per_node": each}
    value["device"]["hbm"]["capacity"] = f"{hbm_bytes}B"
    return value


def spec_of(
    tables: list[dict[str, Any]],
    topology: dict[str, Any],
    batch: dict[str, int],
    training: dict[str, Any],
) -> dict[str, Any]:
    """HBM only, and columns cut under any optimizer, since that is what all contenders can plan."""
    return {
        "batch": batch,
        "topology": topology,
        "training": {"pipeline": "sparse_dist", "exact_updates": False, **training},
        "tables": tables,
        "constraints": [{"tables": "*", "kernels": ["fused", "dense"]}],
        "reserve": {"hbm": "0%", "ddr": "0%"},
    }
