"""What a job gives its planner, with TorchRec's defaults in place of what it leaves out."""

from __future__ import annotations

import logging
import warnings
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any

import torch.distributed as dist
from torchrec.distributed.comm import get_local_size
from torchrec.distributed.planner.constants import BATCH_SIZE
from torchrec.distributed.planner.enumerators import EmbeddingEnumerator
from torchrec.distributed.planner.estimator.config import EmbeddingPerfEstimatorConfig
from torchrec.distributed.planner.perf_models import NoopPerfModel
from torchrec.distributed.planner.shard_estimators import (
    EmbeddingPerfEstimator,
    EmbeddingStorageEstimator,
)
from torchrec.distributed.planner.storage_reservations import HeuristicalStorageReservation
from torchrec.distributed.planner.types import BasicCommsBandwidths, Topology

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.torchrec.job.fates import faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torchrec.distributed.planner.types import ParameterConstraints, StorageReservation

_LOG = logging.getLogger("shardplan.torchrec")
_RESERVED = 0.15
"""Of the HBM: what TorchRec's planner reserves where it is told nothing."""
_DERIVED = frozenset({"devices", "intra_group_size", "comms_bandwidths"})
"""Attributes of a Topology that hold what other arguments said."""


@dataclass(frozen=True, slots=True)
class JobArguments:
    """The arguments of ``EmbeddingShardingPlanner`` that a plan is made from."""

    topology: Topology
    batch_size: int
    constraints: Mapping[str, ParameterConstraints]
    storage_reservation: StorageReservation
    enumerator: Any | None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> JobArguments:
        """``given`` by TorchRec's names, those left out as None.

        Raises InputError with all that has no counterpart and would make another plan; warns of
        what has none and is only not needed.
        """
        enumerator = given["enumerator"]
        topology = given["topology"] or _topology_here()
        constraints = given["constraints"]
        if constraints is None:
            constraints = getattr(enumerator, "_constraints", None)
        made = cls(
            topology,
            given["batch_size"] or getattr(enumerator, "_batch_size", None) or BATCH_SIZE,
            dict(constraints or {}),
            given["storage_reservation"] or _reservation(),
            enumerator,
        )
        tell([*_of_planner(given), *_of_topology(topology), *_of_constraints(made)])
        return made

    @property
    def own_enumerator(self) -> Any:
        """The job's, or that which TorchRec's planner makes of the rest."""
        return self.enumerator or EmbeddingEnumerator(
            topology=self.topology,
            batch_size=self.batch_size,
            constraints=dict(self.constraints),
        )


def tell(found: list[Diagnostic]) -> None:
    """Warn of warnings and log notes; raise InputError with the rest, if there is any."""
    if errors := [each for each in found if each.severity == "error"]:
        raise InputError(errors)
    for each in found:
        if each.severity == "note":
            _LOG.info("%s", each)
            continue
        warnings.warn(str(each), UserWarning, stacklevel=2)


def _reservation() -> StorageReservation:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TorchRec's own default warns of itself
        return HeuristicalStorageReservation(percentage=_RESERVED)


def _topology_here() -> Topology:
    """That of the process group, as TorchRec's planner takes it."""
    if not dist.is_initialized():
        message = "there is no process group to take it from"
        hint = "give topology=Topology(...), or call torch.distributed.init_process_group first"
        raise InputError([Diagnostic("planner", 0, 0, "topology", message, hint)])
    is_gpu = dist.get_backend() != "gloo"
    return Topology(
        local_world_size=get_local_size(),
        world_size=dist.get_world_size(),
        compute_device="cuda" if is_gpu else "cpu",
        created_by_factory=True,
    )


def _of_planner(given: Mapping[str, Any]) -> Iterator[Diagnostic]:
    plain = ("performance_model",) if _is_plain(given.get("performance_model")) else ()
    left_out = {name: value for name, value in given.items() if value is not None}
    yield from faults("EmbeddingShardingPlanner", _without(left_out, *plain), "")
    enumerator = given["enumerator"]
    if enumerator is None:
        return
    if type(enumerator) is not EmbeddingEnumerator:
        yield _warning("enumerator", f"{type(enumerator).__name__}: its options are not planned by")
    for estimator in getattr(enumerator, "_estimators", ()):
        if not _is_known_estimator(estimator):
            message = f"{type(estimator).__name__}: TorchRec's own estimator is planned by"
            yield _warning("enumerator.estimator", message)


def _is_plain(model: Any) -> bool:
    return model is None or type(model) is NoopPerfModel


def _is_known_estimator(estimator: Any) -> bool:
    """TorchRec's default, by whatever of its two names, with the figures of the topology."""
    if isinstance(estimator, EmbeddingPerfEstimator | EmbeddingStorageEstimator):
        return True
    return type(getattr(estimator, "_config", None)) is EmbeddingPerfEstimatorConfig


def _of_topology(topology: Topology) -> Iterator[Diagnostic]:
    given: dict[str, Any] = {}
    each, world = topology.local_world_size, topology.world_size
    if world % each:
        message = f"{world} devices are no whole number of nodes of {each}"
        yield Diagnostic("planner", 0, 0, "topology.local_world_size", message)
    if topology.compute_device not in ("cuda", "cpu"):
        message = f"{topology.compute_device}: planned are cuda and cpu"
        yield Diagnostic("planner", 0, 0, "topology.compute_device", message)
    if topology.intra_group_size > each:
        given["pod_size"] = topology.intra_group_size // each
    if (custom := vars(topology)["_custom_topology_data"]) is not None:
        given["custom_topology_data"] = custom
    if topology.uneven_sharding_perf_multiplier != 1:
        given["uneven_sharding_perf_multiplier"] = topology.uneven_sharding_perf_multiplier
    if type(topology.comms_bandwidths) is not BasicCommsBandwidths:
        given["generalized_comms_bandwidths"] = topology.comms_bandwidths
    plain = Topology(world, topology.compute_device, created_by_factory=True)
    for name in vars(topology).keys() - vars(plain).keys():
        given[name.lstrip("_")] = getattr(topology, name)
    yield from faults("Topology", given, "topology")


def _of_constraints(job: JobArguments) -> Iterator[Diagnostic]:
    for name, constraint in job.constraints.items():
        where = f"constraints[{name!r}]"
        given = _changed(constraint)
        if given.get("device_group") == job.topology.compute_device:
            del given["device_group"]
        yield from faults("ParameterConstraints", given, where)
        if constraint.cache_params is not None:
            cache = _changed(constraint.cache_params)
            yield from faults("CacheParams", cache, f"{where}.cache_params")


def _changed(found: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults."""
    changed = {}
    for each in fields(found):
        default = each.default
        if default is MISSING and each.default_factory is not MISSING:
            default = each.default_factory()
        if (value := getattr(found, each.name)) != default:
            changed[each.name] = value
    return changed


def _without(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}


def _warning(where: str, message: str) -> Diagnostic:
    return Diagnostic("planner", 0, 0, where, message, code="torchrec", severity="warning")
