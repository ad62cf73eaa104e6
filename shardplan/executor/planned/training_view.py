"""What a plan says of the training job that it was made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TrainingView:
    """Settings that hold for all tables; the names are those of the spec."""

    optimizer: str = "rowwise_adagrad"
    comm_forward: str = "fp32"
    comm_backward: str = "fp32"
    pipeline: str = "sparse_dist"
    local_batch: int | None = None
    """Samples of one rank; None where the plan does not say."""


def view_training(resolved: dict[str, Any] | None, world_size: int) -> TrainingView:
    """The settings in a plan's resolved spec; the spec's defaults where there are none."""
    training = (resolved or {}).get("training", {})
    batch = (resolved or {}).get("batch", {})
    comm = training.get("comm_dtype", {})
    local = batch.get("local")
    if local is None and "global" in batch:
        local = -(-int(batch["global"]) // world_size)
    default = TrainingView()
    return TrainingView(
        optimizer=training.get("optimizer", default.optimizer),
        comm_forward=comm.get("forward", default.comm_forward),
        comm_backward=comm.get("backward", default.comm_backward),
        pipeline=training.get("pipeline", default.pipeline),
        local_batch=None if local is None else int(local),
    )
