"""What becomes of each thing that a job can tell TorchRec's planner: the one table that says so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from shardplan.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Becomes(Enum):
    """What is done with an argument or a field."""

    SPEC = "a key of the spec that is planned"
    ASKED = "TorchRec's own object is asked for what it says"
    HANDED_ON = "goes into the job's plan as it is"
    KEPT = "does the same as with TorchRec's planner"
    WARNED = "has no counterpart: said in a warning"
    REFUSED = "has no counterpart, and a plan without it would be another: an error"


@dataclass(frozen=True, slots=True)
class Fate:
    """Of one argument or field."""

    becomes: Becomes
    what: str
    """The key of the spec, who is asked for what, or what a warning or an error says."""
    hint: str = ""


_SPEC, _ASKED, _ON = Becomes.SPEC, Becomes.ASKED, Becomes.HANDED_ON
_KEPT, _WARNED, _REFUSED = Becomes.KEPT, Becomes.WARNED, Becomes.REFUSED

_RESERVED = Fate(_ASKED, "reserve.hbm: what reserve() leaves of each device")
_ONE_SEARCH = "one search over all ways to shard stands in its place"

FATES: Mapping[str, Mapping[str, Fate]] = {
    "EmbeddingShardingPlanner": {
        "topology": Fate(_SPEC, "topology, cost_model"),
        "batch_size": Fate(_SPEC, "batch.local"),
        "enumerator": Fate(_ASKED, "its constraints, and the pipeline of its storage estimator"),
        "storage_reservation": _RESERVED,
        "proposer": Fate(_WARNED, _ONE_SEARCH, "leave it out"),
        "partitioner": Fate(_WARNED, _ONE_SEARCH, "leave it out"),
        "performance_model": Fate(
            _REFUSED,
            "only NoopPerfModel is planned by, the largest sum of any rank",
            "leave it out, or plan by a spec with an objective",
        ),
        "stats": Fate(_KEPT, "its log() is called with the plan"),
        "constraints": Fate(_SPEC, "constraints, tables"),
        "debug": Fate(_KEPT, "handed to stats"),
        "callbacks": Fate(_KEPT, "called with the plan's ShardingOptions"),
        "timeout_seconds": Fate(_KEPT, "the time limit; 10 s where left out"),
        "plan_loader": Fate(
            _REFUSED,
            "plans are not loaded from it",
            "cache=FOLDER keeps plans by what they were made from",
        ),
    },
    "Topology": {
        "world_size": Fate(_SPEC, "topology.nodes"),
        "compute_device": Fate(_SPEC, "topology.device.kind"),
        "hbm_cap": Fate(_SPEC, "topology.device.hbm.capacity"),
        "ddr_cap": Fate(_SPEC, "topology.node.ddr.capacity"),
        "ssd_cap": Fate(_SPEC, "topology.node.ssd.capacity"),
        "local_world_size": Fate(_SPEC, "topology.devices_per_node"),
        "pod_size": Fate(
            _WARNED,
            "rows are not cut over the nodes of a pod: table_row_wise and grid_shard are not "
            "planned",
        ),
        "hbm_mem_bw": Fate(_SPEC, "cost_model.bandwidths.hbm"),
        "ddr_mem_bw": Fate(_SPEC, "topology.node.ddr.read; on CPU cost_model.bandwidths.hbm"),
        "ssd_mem_bw": Fate(_SPEC, "cost_model.bandwidths.ssd"),
        "hbm_to_ddr_mem_bw": Fate(_SPEC, "cost_model.bandwidths.host_link"),
        "intra_host_bw": Fate(_SPEC, "cost_model.bandwidths.intra_host"),
        "inter_host_bw": Fate(_SPEC, "cost_model.bandwidths.inter_host"),
        "bwd_compute_multiplier": Fate(_SPEC, "cost_model.kernels.backward_factor"),
        "custom_topology_data": Fate(
            _WARNED, "devices are planned alike: each with the least that any of them has"
        ),
        "weighted_feature_bwd_compute_multiplier": Fate(
            _SPEC, "cost_model.kernels.weighted_backward_factor"
        ),
        "uneven_sharding_perf_multiplier": Fate(
            _WARNED, "rows are cut evenly, as TorchRec's runtime looks them up"
        ),
        "generalized_comms_bandwidths": Fate(
            _WARNED, "of it intra_host_bw and inter_host_bw are taken, alike for all collectives"
        ),
        "created_by_factory": Fate(_KEPT, "TorchRec asks it for a warning alone"),
    },
    "ParameterConstraints": {
        "sharding_types": Fate(_SPEC, "constraints[].sharding"),
        "compute_kernels": Fate(_SPEC, "constraints[].kernels"),
        "min_partition": Fate(_SPEC, "constraints[].min_width"),
        "pooling_factors": Fate(_SPEC, "tables[].pooling"),
        "num_poolings": Fate(_SPEC, "tables[].num_poolings; below 1 batch.features"),
        "batch_sizes": Fate(_SPEC, "batch.features; above the batch tables[].num_poolings"),
        "is_weighted": Fate(_SPEC, "tables[].weighted"),
        "cache_params": Fate(_ON, "see CacheParams"),
        "enforce_hbm": Fate(_ON, "ParameterSharding.enforce_hbm"),
        "stochastic_rounding": Fate(_ON, "ParameterSharding.stochastic_rounding"),
        "bounds_check_mode": Fate(_ON, "ParameterSharding.bounds_check_mode"),
        "feature_names": Fate(_KEPT, "handed to stats and callbacks; the model's own are planned"),
        "output_dtype": Fate(_ON, "ParameterSharding.output_dtype"),
        "device_group": Fate(
            _REFUSED,
            "tables of another device group than the topology's are not planned",
            "give the table to devices of the topology, or keep its module out of the sharding",
        ),
        "key_value_params": Fate(_ON, "see KeyValueParams"),
        "use_virtual_table": Fate(
            _REFUSED,
            "virtual tables are not planned: they grow by keys, without a number of rows to count",
            "leave it out and give the table its rows: key_value keeps them on SSD",
        ),
    },
    "CacheParams": {
        "algorithm": Fate(_SPEC, "training.cache_algorithm"),
        "load_factor": Fate(
            _SPEC, "constraints[].load_factor; a warning where kernels without a cache are left"
        ),
        "reserved_memory": Fate(_ON, "CacheParams.reserved_memory"),
        "precision": Fate(_ON, "CacheParams.precision"),
        "prefetch_pipeline": Fate(_ON, "CacheParams.prefetch_pipeline"),
        "stats": Fate(_ON, "CacheParams.stats"),
        "multipass_prefetch_config": Fate(_ON, "CacheParams.multipass_prefetch_config"),
    },
    "FixedPercentageStorageReservation": {"percentage": _RESERVED},
    "FixedAbsoluteStorageReservation": {"hbm_reserved_bytes": _RESERVED},
    "HeuristicalStorageReservation": {
        "percentage": _RESERVED,
        "parameter_multiplier": _RESERVED,
        "dense_tensor_estimate": _RESERVED,
    },
    "InferenceStorageReservation": {"percentage": _RESERVED, "dense_tensor_estimate": _RESERVED},
}
"""By the class that takes it and its name."""


def faults(subject: str, given: Mapping[str, Any], where: str) -> Iterator[Diagnostic]:
    """Errors and warnings of what a job gives that has no counterpart.

    ``given`` are the arguments or fields of a ``subject`` that differ from their defaults; those
    that the table does not know, of another TorchRec, are warned of.
    """
    known = FATES[subject]
    unknown = Fate(_WARNED, f"this shardplan knows no such part of {subject}: it is not planned by")
    for name in given:
        fate = known.get(name, unknown)
        path = f"{where}.{name}" if where else name
        if fate.becomes in (_WARNED, _REFUSED):
            severity = "error" if fate.becomes is _REFUSED else "warning"
            yield Diagnostic(
                "planner", 0, 0, path, fate.what, fate.hint, code="torchrec", severity=severity
            )
