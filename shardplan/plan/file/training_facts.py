"""The plan file's ``training``: the job that the plan was made for."""

from typing import Self

from shardplan.plan.file.plan_model import PlanModel, Positive
from shardplan.workload.dtype import Dtype
from shardplan.workload.training import Optimizer, Pipeline
from shardplan.workload.workload import Workload


class WireFormats(PlanModel):
    """Number formats of what goes over the wire."""

    forward: Dtype
    """Of pooled embeddings."""
    backward: Dtype
    """Of their gradients."""


class TrainingFacts(PlanModel):
    """What a job that runs the plan has to do alike; the names are those of the spec."""

    optimizer: Optimizer
    comm_dtype: WireFormats
    pipeline: Pipeline
    local_batch: Positive
    """Samples of a rank in each step."""

    @classmethod
    def of(cls, workload: Workload, world_size: int) -> Self:
        """How a workload is trained on that many devices."""
        training = workload.training
        wire = WireFormats(forward=training.comm_forward, backward=training.comm_backward)
        return cls(
            optimizer=training.optimizer,
            comm_dtype=wire,
            pipeline=training.pipeline,
            local_batch=-(-workload.global_batch // world_size),
        )
