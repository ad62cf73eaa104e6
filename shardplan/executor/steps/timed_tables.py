"""The tables of a plan on one rank, trained part by part; one interface, two engines behind it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from shardplan.errors import PlanRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.executor.batch.jagged_batch import JaggedBatch
    from shardplan.executor.tensors.tensor import Tensor
    from shardplan.plan.file.plan import Plan

_ENGINES = {
    "native": ("shardplan.executor.steps.native_tables", "native_tables"),
    "torchrec": ("shardplan.executor.steps.torchrec_tables", "torchrec_tables"),
}
LEARNING_RATE = 1e-3


class TimedTables(Protocol):
    """What a step does with the tables; the three parts follow one another, and are all of it."""

    def prepared(self, batch: JaggedBatch) -> Any:
        """A batch in the engine's own form, before any clock runs."""

    def distribute(self, batch: Any) -> Any:
        """Send ids to where their rows are, and wait for those of this rank's rows."""

    def forward(self, inputs: Any) -> list[Tensor]:
        """Look up and send what is summed: of each module (samples, columns)."""

    def backward(self, outputs: list[Tensor], gradients: list[Tensor]) -> None:
        """Send the gradients back, and update the rows."""


def tables_of_engine(name: str) -> Callable[[Plan], TimedTables]:
    """What shards a plan's tables in this process for that engine: a collective each time.

    Raises PlanRefused where the engine is not installed.
    """
    module, factory = _ENGINES[name]
    try:
        found: Callable[[], Callable[[Plan], TimedTables]] = getattr(import_module(module), factory)
    except ModuleNotFoundError as error:
        raise PlanRefused([f"the engine {name} is not installed: {error}"]) from None
    return found()
