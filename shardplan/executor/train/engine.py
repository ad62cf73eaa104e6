"""What trains a plan's model: one interface, native or TorchRec behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from shardplan.errors import PlanRefused
from shardplan.executor.planned.tier_limits import UNLIMITED, TierLimits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import ArrayLike

    from shardplan.executor.batch.jagged_batch import JaggedBatch
    from shardplan.executor.memory.hot_counts import HotCounts
    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.tensors.tensor import Device, Tensor
    from shardplan.executor.train.measurement import RankMeasurement
    from shardplan.plan.file.plan import Plan

_ENGINES = {
    "native": ("shardplan.executor.train.native_engine", "NativeEngine"),
    "torchrec": ("shardplan.executor.train.torchrec_engine", "TorchRecEngine"),
}
ENGINES = tuple(_ENGINES)


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """The samples of one rank."""

    dense: Tensor
    """(samples, dense features) fp32."""
    sparse: JaggedBatch
    """Every feature of the plan."""
    labels: Tensor
    """(samples,) fp32, 0 or 1."""


@dataclass(frozen=True, slots=True)
class EngineSetup:
    """What an engine is built from; the process group is up, or there is a single rank."""

    plan: Plan
    view: PlanView
    optimizer: OptimizerSettings
    device: Device
    dense_features: int
    seed: int = 0
    timeout_seconds: float = 300.0
    limits: TierLimits = UNLIMITED
    """Of this rank."""
    ssd_folder: Path | None = None
    is_measured: bool = False
    allow_inexact: bool = False
    """Whether an engine may compute other updates than the unsharded optimizer would."""
    hot_ids: Mapping[str, ArrayLike] = field(default_factory=dict)
    """Of tables that keep hot rows, their hottest ids, hottest first."""
    hot_counts: Mapping[str, HotCounts] = field(default_factory=dict)
    """Of tables with caches, with which rows these begin; of others it does nothing."""


class Engine(Protocol):
    """The model of a plan on this rank."""

    def train(self, batches: Iterable[TrainingBatch]) -> Iterator[Tensor]:
        """One step for each batch; this rank's loss of each."""

    def save(self, folder: Path, step: int) -> None:
        """Write a checkpoint of tables and dense layers. Raises SaveFailed."""

    def load(self, path: Path, trust: bool = False) -> None:
        """Read one; with ``trust`` one that may run code too. Raises CheckpointError."""

    def forget_measurements(self) -> None:
        """Measure from here on: what came before was to warm up."""

    def measured(self) -> RankMeasurement:
        """What this rank measured."""


def build_engine(name: str, setup: EngineSetup) -> Engine:
    """The engine of that name, of ``ENGINES``. Raises PlanRefused, MemoryExceeded."""
    module, kind = _ENGINES[name]
    try:
        engine: Engine = getattr(import_module(module), kind)(setup)
    except ModuleNotFoundError as error:
        raise PlanRefused([f"the engine {name} is not installed: {error}"]) from None
    return engine
