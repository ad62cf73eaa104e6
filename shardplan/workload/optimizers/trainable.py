"""What an engine cannot train, in words; plans may be made for it all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shardplan.workload.optimizers.optimizer import OPTIMIZERS, Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shardplan.workload.optimizers.weight_decay import WeightDecayMode


class TrainedBy(Protocol):
    """An optimizer and its settings, as a workload and a plan have them."""

    @property
    def optimizer(self) -> Optimizer: ...
    @property
    def weight_decay_mode(self) -> WeightDecayMode: ...
    @property
    def use_rowwise_bias_correction(self) -> bool: ...


def native_optimizers() -> list[Optimizer]:
    """Those that shardplan's own engine has."""
    return [each for each in OPTIMIZERS if each.trains_natively]


def native_fault(trained: TrainedBy) -> str:
    """Why shardplan's own engine does not train so; empty where it does."""
    if not trained.optimizer.trains_natively:
        return f"{trained.optimizer}: the native engine has {_words(native_optimizers())} alone"
    if trained.weight_decay_mode.tensors:
        return f"weight_decay_mode {trained.weight_decay_mode}: the native engine lets none decay"
    if trained.use_rowwise_bias_correction:
        return "use_rowwise_bias_correction: the native engine counts steps, not updates of rows"
    return ""


def cpu_fault(trained: TrainedBy) -> str:
    """Why FBGEMM does not train so on CPUs; empty where it does."""
    if trained.optimizer.trains_on_cpu:
        return ""
    able = [each for each in OPTIMIZERS if each.trains_on_cpu]
    return f"{trained.optimizer}: FBGEMM has it for GPUs alone; on CPUs it has {_words(able)}"


def _words(names: Iterable[object]) -> str:
    *most, last = map(str, names)
    return f"{', '.join(most)} and {last}"
