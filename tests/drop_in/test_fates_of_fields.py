"""Whatever a job can tell TorchRec's planner has a fate here, and is never dropped in silence."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import fields
from typing import Any

import pytest
import torch
from torchrec import EmbeddingBagCollection, EmbeddingBagConfig
from torchrec.distributed.embeddingbag import EmbeddingBagCollectionSharder
from torchrec.distributed.planner import planners, storage_reservations, types
from torchrec.distributed.planner.perf_models import NoopStorageModel
from torchrec.distributed.planner.types import ParameterConstraints, Topology
from torchrec.distributed.types import (
    BoundsCheckMode,
    CacheAlgorithm,
    CacheParams,
    DataType,
    KeyValueParams,
)

from shardplan.errors import InputError
from shardplan.torchrec import Planner
from shardplan.torchrec.job.fates import FATES, Becomes

pytestmark = pytest.mark.filterwarnings("ignore")

RESERVATIONS = (
    "FixedPercentageStorageReservation",
    "FixedAbsoluteStorageReservation",
    "HeuristicalStorageReservation",
    "InferenceStorageReservation",
)


def arguments_of(kind: type) -> list[str]:
    return list(inspect.signature(kind.__init__).parameters)[1:]


def test_every_argument_of_the_planner_has_a_fate() -> None:
    known = list(FATES["EmbeddingShardingPlanner"])
    assert known == arguments_of(planners.EmbeddingShardingPlanner)
    assert known == arguments_of(Planner)[: len(known)]


def test_every_argument_of_a_topology_has_a_fate() -> None:
    assert list(FATES["Topology"]) == arguments_of(types.Topology)


@pytest.mark.parametrize(
    "kind", [ParameterConstraints, CacheParams], ids=lambda kind: kind.__name__
)
def test_every_field_of_a_constraint_has_a_fate(kind: Any) -> None:
    assert list(FATES[kind.__name__]) == [field.name for field in fields(kind)]


@pytest.mark.parametrize("name", RESERVATIONS)
def test_every_argument_of_a_reservation_has_a_fate(name: str) -> None:
    assert list(FATES[name]) == arguments_of(getattr(storage_reservations, name))


def test_every_reservation_of_torchrec_is_known() -> None:
    there = {
        name
        for name, kind in vars(storage_reservations).items()
        if inspect.isclass(kind)
        and issubclass(kind, types.StorageReservation)
        and kind is not types.StorageReservation
    }
    assert there == set(RESERVATIONS)


OTHER_VALUES: dict[str, Any] = {
    "sharding_types": ["table_wise"],
    "compute_kernels": ["fused"],
    "min_partition": 32,
    "pooling_factors": [7.0],
    "num_poolings": [0.5],
    "batch_sizes": [256],
    "is_weighted": True,
    "cache_params": CacheParams(load_factor=0.3, algorithm=CacheAlgorithm.LFU),
    "enforce_hbm": True,
    "stochastic_rounding": True,
    "bounds_check_mode": BoundsCheckMode.NONE,
    "feature_names": ["f"],
    "output_dtype": DataType.FP16,
    "device_group": "cuda",
    "key_value_params": KeyValueParams(ssd_rocksdb_shards=2),
    "use_virtual_table": True,
}
"""Of each field, a value that is not its default."""


def model() -> EmbeddingBagCollection:
    tables = [EmbeddingBagConfig(1000, 64, "t", feature_names=["f"])]
    return EmbeddingBagCollection(tables, device=torch.device("meta"))


def told(**given: Any) -> tuple[str, Any, Planner | None]:
    """Warnings and errors, the plan's ParameterSharding, and the planner."""
    arguments: dict[str, Any] = {
        "topology": Topology(2, "cpu", created_by_factory=True), "stats": [],
    } | given  # fmt: skip
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            planner = Planner(**arguments)
            plan = planner.plan(model(), [EmbeddingBagCollectionSharder()])
        except InputError as error:
            return str(error), None, None
    return "\n".join(str(each.message) for each in caught), plan.plan[""]["t"], planner


@pytest.mark.parametrize("field", fields(ParameterConstraints), ids=lambda field: field.name)
def test_a_field_of_a_constraint_is_planned_by_handed_on_or_told(field: Any) -> None:
    """What becomes of it is what the table says, seen from outside."""
    name, value = field.name, OTHER_VALUES[field.name]
    fate = FATES["ParameterConstraints"][name]
    said, sharding, planner = told(constraints={"t": ParameterConstraints(**{name: value})})
    if fate.becomes in (Becomes.WARNED, Becomes.REFUSED):
        assert f"constraints['t'].{name}" in said
    if fate.becomes is Becomes.REFUSED:
        assert planner is None
        return
    assert planner is not None
    if fate.becomes is Becomes.HANDED_ON and name != "cache_params":
        assert getattr(sharding, name) == value
    if fate.becomes is Becomes.SPEC:
        assert planner.made.resolved != told()[2].made.resolved


def test_more_samples_than_the_batch_are_poolings_of_a_table() -> None:
    """Three times half of the batch of 512."""
    constraint = ParameterConstraints(num_poolings=[3.0], batch_sizes=[256], pooling_factors=[7.0])
    _, _, planner = told(constraints={"t": constraint})
    assert planner is not None
    (table,) = planner.made.resolved["tables"]
    assert (table["pooling"], table["num_poolings"]) == (7, 1.5)
    assert not planner.made.resolved["batch"].get("features")


def test_parts_of_a_cache_are_handed_on_or_told() -> None:
    constraint = ParameterConstraints(cache_params=OTHER_VALUES["cache_params"])
    said, sharding, planner = told(constraints={"t": constraint})
    assert "constraints['t'].cache_params.load_factor" in said
    assert sharding.cache_params == constraint.cache_params
    assert planner.made.resolved["training"]["cache_algorithm"] == "lfu"


def test_the_size_of_a_cache_is_pinned_where_the_table_has_one_in_any_case() -> None:
    cache = CacheParams(load_factor=0.3)
    constraint = ParameterConstraints(compute_kernels=["fused_uvm_caching"], cache_params=cache)
    topology = Topology(2, "cuda", created_by_factory=True)
    said, sharding, planner = told(topology=topology, constraints={"t": constraint})
    assert "load_factor" not in said
    assert planner.made.resolved["constraints"][0]["load_factor"] == 0.3
    assert sharding.cache_params.load_factor == 0.3


TOPOLOGIES: dict[str, dict[str, Any]] = {
    "world_size": {"world_size": 4},
    "compute_device": {"compute_device": "cuda"},
    "hbm_cap": {"compute_device": "cuda", "hbm_cap": 2**33},
    "ddr_cap": {"ddr_cap": 2**33},
    "ssd_cap": {"compute_device": "cuda", "ssd_cap": 2**33},
    "local_world_size": {"local_world_size": 1},
    "pod_size": {"local_world_size": 1, "pod_size": 2},
    "hbm_mem_bw": {"compute_device": "cuda", "hbm_mem_bw": 1e9},
    "ddr_mem_bw": {"ddr_mem_bw": 1e9},
    "ssd_mem_bw": {"ssd_mem_bw": 1e9},
    "hbm_to_ddr_mem_bw": {"hbm_to_ddr_mem_bw": 1e9},
    "intra_host_bw": {"intra_host_bw": 1e9},
    "inter_host_bw": {"inter_host_bw": 1e9},
    "bwd_compute_multiplier": {"bwd_compute_multiplier": 3.0},
    "custom_topology_data": {
        "custom_topology_data": types.CustomTopologyData({"ddr_cap": [2**34, 2**33]}, 2)
    },
    "weighted_feature_bwd_compute_multiplier": {"weighted_feature_bwd_compute_multiplier": 2.0},
    "uneven_sharding_perf_multiplier": {"uneven_sharding_perf_multiplier": 2.0},
    "created_by_factory": {"created_by_factory": False},
}
"""Of each argument, a topology that has another."""


class SlowGathers(types.GeneralizedCommsBandwidth):
    """Bandwidths of its own for each collective."""

    intra_host_bw, inter_host_bw = 1e6, 1e5

    def get_bw(self, local_world_size: int, world_size: int, collective_type: Any) -> float:
        return 1e4


TOPOLOGIES["generalized_comms_bandwidths"] = {"generalized_comms_bandwidths": SlowGathers()}


@pytest.mark.parametrize("name", arguments_of(types.Topology))
def test_an_argument_of_a_topology_is_planned_by_or_told(name: str) -> None:
    plain = {"world_size": 2, "compute_device": "cpu", "created_by_factory": True}
    other = TOPOLOGIES[name]
    base = plain | {key: value for key, value in other.items() if key != name}
    said, _, planner = told(topology=Topology(**(plain | other)))
    fate = FATES["Topology"][name]
    if fate.becomes is Becomes.WARNED:
        assert f"topology.{name}" in said
    elif fate.becomes is Becomes.SPEC:
        assert planner.made.resolved != told(topology=Topology(**base))[2].made.resolved


@pytest.mark.parametrize(
    ("name", "value"),
    [("proposer", object()), ("partitioner", object()), ("plan_loader", object()),
     ("performance_model", NoopStorageModel(Topology(2, "cpu", created_by_factory=True)))],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_an_argument_without_counterpart_is_told(name: str, value: Any) -> None:
    said, _, planner = told(**{name: value})
    assert name in said
    assert (planner is None) == (FATES["EmbeddingShardingPlanner"][name].becomes is Becomes.REFUSED)


def test_all_faults_are_told_at_once() -> None:
    virtual = ParameterConstraints(use_virtual_table=True)
    said, _, _ = told(plan_loader=object(), constraints={"t": virtual, "u": virtual})
    assert said.count("error:") == 3


@pytest.mark.parametrize(
    ("reservation", "share"),
    [(storage_reservations.FixedPercentageStorageReservation(0.25), 0.75),
     (storage_reservations.FixedAbsoluteStorageReservation(2**33), 0.75)],
    ids=["percentage", "absolute"],
)  # fmt: skip
def test_what_a_reservation_leaves_is_what_tables_may_take(reservation: Any, share: float) -> None:
    topology = Topology(2, "cuda", hbm_cap=2**35, created_by_factory=True)
    _, _, planner = told(topology=topology, storage_reservation=reservation)
    assert planner.made.resolved["reserve"]["hbm"] == f"{2**35 * (1 - share) / 2**30:g}GiB"
