"""Measured steps of training, as executor.py keeps them in a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

OURS = "shardplan"
THEIRS = "torchrec"
"""TorchRec's planner as it is by default."""
TUNED = "tuned"
"""The plan that ``shardplan tune`` kept."""
TYPES = "types: "
"""How the name begins of a plan that shardplan made of some sharding types alone."""
_LISTED = ("contenders", "seconds", "core_seconds", "part_seconds")
_DERIVED = ("median_seconds", "quartile_seconds")
"""Written for who reads the file; here they follow from the rounds."""
_DIGITS = 7
"""Of seconds, behind the point: a tenth of a microsecond."""


class Series(StrEnum):
    """What is compared."""

    TUNED = "tuned"
    """The plan that was tuned, beside those that tuning began with."""
    PLANS = "plans"
    """Plans of one engine with one another, each made with that engine's calibration."""
    ENGINES = "engines"
    """Both engines under the same plan."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """One plan of one model, trained by one engine."""

    series: str
    engine: str
    """Who trained: ``torchrec`` or ``native``."""
    optimizer: str
    is_known: bool
    """Whether the model is one of those that stand in the benchmark, or is drawn."""
    model: str
    contenders: tuple[str, ...]
    """All who made this very plan."""
    machine: str
    processes: int
    predicted_seconds: float
    """By the calibration of the engine that trained, whoever made the plan."""
    sharding: dict[str, int]
    """How many tables have which sharding type."""
    seconds: tuple[float, ...]
    """Of a step by the clock, in each round; the rounds are the same for all rows of a model."""
    core_seconds: tuple[float, ...]
    """What the slowest rank spent on a core."""
    part_seconds: tuple[float, ...]
    """Medians of the ids' way, the forward pass and the backward pass."""

    @property
    def median_seconds(self) -> float:
        """Of the rounds by the clock."""
        return float(np.median(self.seconds))

    @property
    def quartile_seconds(self) -> tuple[float, float]:
        """Of the rounds by the clock."""
        low, high = np.quantile(self.seconds, [0.25, 0.75])
        return float(low), float(high)

    @property
    def others(self) -> tuple[str, ...]:
        """Who else than shardplan made the plan."""
        own = (OURS, TUNED)
        return tuple(
            each for each in self.contenders if each not in own and not each.startswith(TYPES)
        )


def as_json(rows: Iterable[StepRow]) -> str:
    """All that is known, a row to a line."""
    return "[\n" + ",\n".join(json.dumps(as_value(row)) for row in rows) + "\n]\n"


def read_executed(path: Path) -> list[StepRow]:
    """The rows of a file that executor.py wrote."""
    return [of_value(value) for value in json.loads(path.read_text(encoding="utf-8"))]


def as_value(row: StepRow) -> dict[str, Any]:
    """As a file has it: rounded first, so that what is derived follows from what stands there."""
    value = {key: _rounded(of) for key, of in asdict(row).items()}
    rounded = of_value(value)
    return value | {name: _rounded(getattr(rounded, name)) for name in _DERIVED}


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, _DIGITS)
        case tuple():
            return [_rounded(each) for each in value]
        case _:
            return value


def of_value(value: dict[str, Any]) -> StepRow:
    """The row that ``as_value`` tells."""
    given = {key: of for key, of in value.items() if key not in _DERIVED}
    return StepRow(**given | {key: tuple(value[key]) for key in _LISTED})
