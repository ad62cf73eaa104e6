"""The plan file's ``training`` and ``replicas``: the job that the plan was made for."""

from typing import Annotated, Any, Self

from pydantic import Field

from shardplan.plan.file.plan_model import PlanModel, Positive
from shardplan.sharding.grouping import Grouping, GroupOrder
from shardplan.sharding.world import World
from shardplan.topology.topology import Topology
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.optimizers.weight_decay import WeightDecayMode
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.training import ReplicaSync, Training
from shardplan.workload.wire.reduction import Reduction
from shardplan.workload.wire.reduction_algorithm import ReductionAlgorithm
from shardplan.workload.wire.wire_collective import WireCollective
from shardplan.workload.workload import Workload

TopK = Annotated[float, Field(gt=0, le=1)]


class WirePairFormats(PlanModel):
    """Formats of one collective, as it is sent."""

    forward: str
    backward: str


class WireFormats(PlanModel):
    """Number formats of what goes over the wire."""

    forward: str
    """Of pooled embeddings of whole rows."""
    backward: str
    """Of their gradients."""
    reduce_scatter: WirePairFormats | None = None
    """Of parts of pooled embeddings, where that are others."""
    sequence_all_to_all: WirePairFormats | None = None
    """Of embeddings of single ids, where that are others."""
    fp8_row: Positive | None = None
    """Numbers that share a scale of fp8, where any travel so."""

    @classmethod
    def of(cls, training: Training) -> Self:
        """What a training sends."""
        wires = training.wires
        others = {
            key: WirePairFormats(forward=pair.forward.name, backward=pair.backward.name)
            for key, pair in (
                ("reduce_scatter", wires.reduce_scatter),
                ("sequence_all_to_all", wires.sequence_all_to_all),
            )
            if pair != wires.pooled_all_to_all
        }
        first = wires.pooled_all_to_all
        rows = [each.scale_numbers for pair in wires for each in pair if each.scale_numbers]
        stated: dict[str, Any] = others | ({"fp8_row": rows[0]} if rows else {})
        return cls(forward=first.forward.name, backward=first.backward.name, **stated)

    def pair(self, collective: WireCollective) -> WirePairFormats:
        """Of one collective."""
        own = getattr(self, collective.value, None)
        return own or WirePairFormats(forward=self.forward, backward=self.backward)


class StateFormats(PlanModel):
    """Number formats of the optimizer's state; fp32 where left out."""

    momentum1: Dtype | None = None
    momentum2: Dtype | None = None

    @property
    def given(self) -> dict[str, Dtype]:
        """By name, those that are not left out."""
        both = {"momentum1": self.momentum1, "momentum2": self.momentum2}
        return {name: dtype for name, dtype in both.items() if dtype is not None}


class ReductionFacts(PlanModel):
    """How gradients of data-parallel tables are summed."""

    algorithm: ReductionAlgorithm
    """``flat``: among all ranks; ``hierarchical``: inside the nodes, across them, inside again."""
    top_k: TopK | None = None
    """Share of the numbers that a rank sends, the largest ones; None: all of them."""

    @classmethod
    def of(cls, reduction: Reduction) -> Self:
        """What a training does."""
        stated: dict[str, Any] = {} if reduction.top_k is None else {"top_k": reduction.top_k}
        return cls(algorithm=reduction.algorithm, **stated)


class ReplicaFacts(PlanModel):
    """Rank r of the plan is, of group g, rank ``r * groups + g`` of all devices where they are
    dealt in turn (``strided``), and else rank ``g * world_size of the plan + r``."""

    groups: Positive
    order: GroupOrder
    world_size: Positive
    """Devices of all groups."""
    local_world_size: Positive
    """Devices of one node, of all groups."""
    sync_every: Positive
    """Steps from one averaging of replicas to the next."""
    dtype: Dtype
    """Of an element on the wire."""
    sync_optimizer: bool
    """Whether the optimizer's state is averaged too."""

    @classmethod
    def of(cls, topology: Topology, sync: ReplicaSync | None) -> Self | None:
        """None where all devices are one group."""
        replicas = topology.replicas
        if replicas is None or sync is None:
            return None
        return cls(
            groups=replicas.grouping.groups,
            order=replicas.grouping.order,
            world_size=replicas.whole.world_size,
            local_world_size=replicas.whole.devices_per_node,
            sync_every=sync.every,
            dtype=sync.dtype,
            sync_optimizer=sync.with_state,
        )

    @property
    def grouping(self) -> Grouping:
        """Which devices are of which group."""
        return Grouping(self.groups, self.order)

    @property
    def world(self) -> World:
        """All devices."""
        return World(self.world_size, self.local_world_size)


class TrainingFacts(PlanModel):
    """What a job that runs the plan has to do alike; the names are those of the spec."""

    optimizer: Optimizer
    comm_dtype: WireFormats
    pipeline: Pipeline
    local_batch: Positive
    """Samples of a rank in each step."""
    weight_decay_mode: WeightDecayMode = WeightDecayMode.NONE
    optimizer_state_dtypes: StateFormats = StateFormats()
    use_rowwise_bias_correction: bool = False
    all_reduce: ReductionFacts | None = None
    """None: flat, and exact."""

    @property
    def reduction(self) -> Reduction:
        """How gradients of data-parallel tables are summed."""
        stated = self.all_reduce
        return Reduction(stated.algorithm, stated.top_k) if stated else Reduction()

    @classmethod
    def of(cls, workload: Workload, world_size: int, reduction: Reduction) -> Self:
        """How a workload is trained on that many devices.

        By ``reduction`` gradients of data-parallel tables are summed, which it may leave open.
        """
        training = workload.training
        return cls(
            optimizer=training.optimizer,
            comm_dtype=WireFormats.of(training),
            pipeline=training.pipeline,
            local_batch=-(-workload.global_batch // world_size),
            **_settings(training, reduction),
        )


def _settings(training: Training, reduction: Reduction) -> dict[str, Any]:
    """Those that are not the default: only these are written."""
    found: dict[str, Any] = {}
    if training.weight_decay_mode is not WeightDecayMode.NONE:
        found["weight_decay_mode"] = training.weight_decay_mode
    if training.optimizer_state_dtypes:
        found["optimizer_state_dtypes"] = StateFormats(**training.optimizer_state_dtypes)
    if training.use_rowwise_bias_correction:
        found["use_rowwise_bias_correction"] = True
    if reduction != Reduction():
        found["all_reduce"] = ReductionFacts.of(reduction)
    return found
