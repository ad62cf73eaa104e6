"""TorchRec's Topology as a topology and a cost model of a spec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.units import exact_bytes, exact_rate

if TYPE_CHECKING:
    from torchrec.distributed.planner.types import Topology

    from shardplan.torchrec.job.memory import DeviceMemory

_PER_SECOND = 1000.0
"""TorchRec's bandwidths are bytes per millisecond."""


@dataclass(frozen=True, slots=True)
class JobMachine:
    """The keys of a spec that a Topology decides."""

    topology: dict[str, Any]
    cost_model: dict[str, Any]
    reserve: dict[str, str]

    @classmethod
    def of(cls, topology: Topology, memory: DeviceMemory, shipped: dict[str, Any]) -> JobMachine:
        """``shipped`` are the values of the cost model of TorchRec's kind, with its defaults.

        Memory of hosts and SSDs is that of all ranks of a node together.
        """
        reserved = memory.capacity_bytes - memory.free_bytes
        return cls(
            _topology(topology, memory),
            _cost_model(topology, shipped),
            {"hbm": exact_bytes(reserved), "ddr": "0%", "ssd": "0%"},
        )


def _topology(topology: Topology, memory: DeviceMemory) -> dict[str, Any]:
    each = topology.local_world_size
    is_cpu = topology.compute_device == "cpu"
    nodes = topology.world_size // each
    value: dict[str, Any] = {
        "name": "torchrec-topology",
        "description": "the Topology that the job gave its planner",
        "cost_model": "torchrec",
        "nodes": nodes,
        "devices_per_node": each,
        "device": {
            "kind": "cpu" if is_cpu else "gpu",
            "hbm": {
                "capacity": exact_bytes(memory.capacity_bytes),
                "read": _rate(topology.ddr_mem_bw if is_cpu else topology.hbm_mem_bw),
            },
            "host_link": _rate(topology.hbm_to_ddr_mem_bw),
        },
        "scale_up": {"kind": "switch", "bandwidth": _rate(topology.intra_host_bw)},
    }
    if not is_cpu and (node := _node(topology)):
        value["node"] = node
    if nodes > 1:
        value["nics"] = {"count": each, "rate": _rate(topology.inter_host_bw)}
    return value


def _node(topology: Topology) -> dict[str, Any]:
    """The tiers that there is anything of."""
    each = topology.local_world_size
    ddr = each * min(int(device.storage.ddr) for device in topology.devices)
    ssd = each * min(int(device.storage.ssd) for device in topology.devices)
    tiers: dict[str, Any] = {}
    if ddr > 0:
        tiers["ddr"] = {"capacity": exact_bytes(ddr), "read": _rate(topology.ddr_mem_bw)}
    if ddr > 0 and ssd > 0:
        tiers["ssd"] = {"capacity": exact_bytes(ssd), "read": _rate(topology.ssd_mem_bw)}
    return tiers


def _cost_model(topology: Topology, shipped: dict[str, Any]) -> dict[str, Any]:
    """TorchRec's estimator with the job's figures.

    What it keeps free for ids (``kjt_copies``) is in what the reservation leaves already.
    """
    is_cpu = topology.compute_device == "cpu"
    return {
        "name": "torchrec",
        "kind": "torchrec",
        "description": "TorchRec's own estimator with the figures of the job's Topology",
        "bandwidths": {
            "hbm": _rate(topology.ddr_mem_bw if is_cpu else topology.hbm_mem_bw),
            "host_link": _rate(topology.hbm_to_ddr_mem_bw),
            "ssd": _rate(topology.ssd_mem_bw),
            "intra_host": _rate(topology.intra_host_bw),
            "inter_host": _rate(topology.inter_host_bw),
        },
        "kernels": shipped["kernels"]
        | {
            "backward_factor": topology.bwd_compute_multiplier,
            "weighted_backward_factor": topology.weighted_feature_bwd_compute_multiplier,
        },
        "memory": shipped["memory"] | {"kjt_copies": 0},
        "sources": shipped["sources"],
    }


def _rate(bytes_per_millisecond: float) -> str:
    return exact_rate(bytes_per_millisecond * _PER_SECOND)
