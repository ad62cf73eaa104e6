"""What ``shard`` is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shardplan.plan.stated import training_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.training_facts import TrainingFacts


@dataclass(frozen=True, slots=True)
class ShardRequest:
    """A plan, and what a job adds to it."""

    plan: Plan
    device: torch.device
    learning_rate: float
    fused_params: Mapping[str, object] = field(default_factory=dict)
    """What else FBGEMM's kernels are told: ``eps``, ``weight_decay``."""
    allow_inexact: bool = False

    @property
    def training(self) -> TrainingFacts | None:
        """What the plan was made for; None where it does not say."""
        return training_of(self.plan)
