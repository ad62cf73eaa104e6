"""Measured training steps as tables: plans against plans, and the native engine beside TorchRec.

Ratios are medians over rounds of what two neighbours in time took: what else runs on the machine
for a while disturbs both.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from contenders import CONTENDERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

OURS = "shardplan"
FEW_TYPES = "few types"
_OTHERS = [FEW_TYPES, *(name for name in CONTENDERS if name not in (OURS, "ldm", "random"))]
_OPTIMIZERS = {"sgd": "SGD", "rowwise_adagrad": "row-wise Adagrad"}

Lines = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""A header, and the cells below it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One plan of one model, trained by one engine."""

    model: str
    contender: str
    engine: str
    """``torchrec`` or ``native``."""
    optimizer: str
    processes: int
    seconds: tuple[float, ...]
    """Of a step by the clock, in each round; the rounds are the same for all rows of a model."""
    core_seconds: tuple[float, ...]
    """What the slowest rank spent on a core."""
    predicted_seconds: float
    """By shardplan, whoever made the plan."""
    sharding: dict[str, int]
    """How many tables have which sharding type."""


def as_json(rows: Sequence[Row]) -> str:
    """All that is known."""
    return json.dumps([asdict(row) for row in rows], indent=1) + "\n"


def read_executed(path: Path) -> list[Row]:
    """The rows of a file that executor.py wrote."""
    return [Row(**value) for value in json.loads(path.read_text(encoding="utf-8"))]


def plan_lines(rows: Sequence[Row], *, on_core: bool = False) -> Lines:
    """A line for each model: shardplan's milliseconds, and how many times as long others take.

    By the clock, or what the slowest rank spends on a core.
    """
    lines = []
    for (processes, model), found in _grouped(rows):
        of = {row.contender: row for row in found if _is_plain(row)}
        ours = of[OURS]
        seconds = {name: row.core_seconds if on_core else row.seconds for name, row in of.items()}
        mine = seconds[OURS]
        ratios = {name: _ratios(seconds[name], mine) for name in _OTHERS if name in of}
        cells = [_number(ratios.get(name)) for name in _OTHERS]
        apart = np.median([_apart(each) for each in ratios.values()])
        milliseconds = f"{np.median(mine) * 1e3:.1f}"
        predicted = f"{ours.predicted_seconds * 1e3:.1f}"
        lines.append((model, str(processes), milliseconds, predicted, *cells, f"{apart:.2f}"))
    return ("model", "processes", "shardplan ms", "predicted ms", *_OTHERS, "apart"), lines


def engine_lines(rows: Sequence[Row]) -> Lines:
    """A line for each model and optimizer: TorchRec's milliseconds, the native engine's, ratios."""
    lines = []
    for (processes, model), found in _grouped(rows):
        for optimizer, name in _OPTIMIZERS.items():
            theirs, ours = _engines(found, optimizer)
            by_clock = _ratios(ours.seconds, theirs.seconds)
            milliseconds = [f"{np.median(row.seconds) * 1e3:.1f}" for row in (theirs, ours)]
            on_core = _number(_ratios(ours.core_seconds, theirs.core_seconds))
            ratios = (_number(by_clock), f"{_apart(by_clock):.2f}", on_core)
            lines.append((model, name, str(processes), *milliseconds, *ratios))
    header = ("torchrec ms", "native ms", "ratio", "apart", "ratio on a core")
    return ("model", "optimizer", "processes", *header), lines


def engine_summary(rows: Sequence[Row]) -> Lines:
    """A line for each optimizer and number of processes: the median model, and the extremes."""
    lines = []
    for processes in dict.fromkeys(row.processes for row in rows):
        models = [found for (count, _), found in _grouped(rows) if count == processes]
        for optimizer, name in _OPTIMIZERS.items():
            pairs = [_engines(found, optimizer) for found in models]
            by_clock = [np.median(_ratios(ours.seconds, theirs.seconds)) for theirs, ours in pairs]
            on_core = [
                np.median(_ratios(ours.core_seconds, theirs.core_seconds)) for theirs, ours in pairs
            ]
            lines.append((name, str(processes), *(_spread(each) for each in (by_clock, on_core))))
    return ("optimizer", "processes", "by the clock", "on a core"), lines


def _grouped(rows: Iterable[Row]) -> list[tuple[tuple[int, str], list[Row]]]:
    found: dict[tuple[int, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.processes, row.model), []).append(row)
    return list(found.items())


def _is_plain(row: Row) -> bool:
    """Whether the row is of plans against plans."""
    return (row.engine, row.optimizer) == ("torchrec", "sgd")


def _engines(rows: Iterable[Row], optimizer: str) -> tuple[Row, Row]:
    """TorchRec's row and the native engine's, of shardplan's plan."""
    chosen = [row for row in rows if (row.contender, row.optimizer) == (OURS, optimizer)]
    (theirs,) = (row for row in chosen if row.engine == "torchrec")
    (ours,) = (row for row in chosen if row.engine == "native")
    return theirs, ours


def _ratios(one: Sequence[float], other: Sequence[float]) -> NDArray[np.float64]:
    """(rounds,)."""
    return np.array(one) / np.array(other)


def _number(ratios: NDArray[np.float64] | None) -> str:
    return "-" if ratios is None else f"{np.median(ratios):.2f}"


def _apart(ratios: NDArray[np.float64]) -> float:
    """How far the quartiles of the rounds are apart."""
    low, high = np.quantile(ratios, [0.25, 0.75])
    return float(high - low)


def _spread(ratios: Sequence[np.floating]) -> str:
    return f"{np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
