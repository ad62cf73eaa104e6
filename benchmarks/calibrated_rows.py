"""Measured steps beside what a calibration of steps predicts of them, as tables.

Known models and drawn ones stand apart, and so do the engines.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from shardplan.calibrate.accuracy import Accuracy
from shardplan.calibrate.steps.fitted.step_accuracy import PairOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Key = TypeVar("Key")
Lines = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""A header, and the cells below it."""
OURS = "shardplan"
TYPES = "types: "
"""How the name begins of a plan that shardplan made of some sharding types alone."""
_CLOSE = 1.03


@dataclass(frozen=True, slots=True)
class CalibratedRow:
    """One plan of one model, trained by the engine that the cost model was calibrated with."""

    engine: str
    is_known: bool
    """Whether the model is one of those that stand in the benchmark, or is drawn."""
    model: str
    contenders: tuple[str, ...]
    """All who made this very plan."""
    processes: int
    seconds: tuple[float, ...]
    """Of a step by the clock, in each round; the rounds are the same for all plans of a model."""
    part_seconds: tuple[float, ...]
    """Medians of the ids' way, the forward pass and the backward pass."""
    predicted_seconds: float
    sharding: dict[str, int]

    @property
    def measured_seconds(self) -> float:
        """The median round."""
        return float(np.median(self.seconds))


def as_json(rows: Sequence[CalibratedRow]) -> str:
    """All that is known."""
    return json.dumps([asdict(row) for row in rows], indent=1) + "\n"


def read_calibrated(path: Path) -> list[CalibratedRow]:
    """The rows of a file that calibrated_steps.py wrote."""
    values = json.loads(path.read_text(encoding="utf-8"))
    listed = ("contenders", "seconds", "part_seconds")
    return [CalibratedRow(**value | {key: tuple(value[key]) for key in listed}) for value in values]


def accuracy_lines(rows: Sequence[CalibratedRow]) -> Lines:
    """A line for each engine and kind of model: predicted steps against measured ones."""
    lines = []
    for (engine, is_known), found in _by(rows, lambda row: (row.engine, row.is_known)).items():
        models = _by(found, lambda row: row.model)
        accuracy = Accuracy.of(
            [row.predicted_seconds for row in found], [row.measured_seconds for row in found]
        )
        order = PairOrder.total(_order(of) for of in models.values())
        lines.append(
            (
                engine,
                _kind(is_known),
                str(len(models)),
                str(accuracy.count),
                f"{accuracy.mean_error:.1%}",
                f"{accuracy.bias:+.1%}",
                str(order.pairs),
                f"{order.share:.1%}",
            )
        )
    header = ("engine", "models", "of them", "plans", "MAPE", "bias", "pairs", "in order")
    return header, lines


def plan_lines(rows: Sequence[CalibratedRow]) -> Lines:
    """A line for each model and engine: shardplan's plan, and the best of the others'.

    Ratios are medians over rounds of what neighbours in time took; ``apart`` is how far the
    quartiles of the rounds' ratios are apart. Above 1, shardplan's plan is faster.
    """
    lines = []
    for (engine, _, model), found in _by(rows, _of_model).items():
        ours, best = _ours_and_best(found)
        order = _order(found)
        if best is None:
            cells = ("-", "-", "-")
        else:
            ratios = _ratios(best, ours)
            low, high = np.quantile(ratios, [0.25, 0.75])
            others = [name for name in best.contenders if not name.startswith(TYPES)]
            cells = (others[0], f"{np.median(ratios):.2f}", f"{high - low:.2f}")
        lines.append(
            (
                engine,
                model,
                f"{ours.measured_seconds * 1e3:.1f}",
                f"{ours.predicted_seconds * 1e3:.1f}",
                *cells,
                f"{order.in_order} of {order.pairs}",
            )
        )
    header = ("engine", "model", "shardplan ms", "predicted ms", "best other", "ratio", "apart")
    return (*header, "pairs in order"), lines


def summary_lines(rows: Sequence[CalibratedRow]) -> Lines:
    """A line for each engine and kind of model: on how many shardplan's plan is the fastest.

    A plan within 3% of the best other counts; the geometric mean is of the models on which both
    differ by more than the rounds do.
    """
    lines = []
    for (engine, is_known), found in _by(rows, lambda row: (row.engine, row.is_known)).items():
        fastest, differing, models = 0, [], _by(found, lambda row: row.model)
        for of in models.values():
            ours, best = _ours_and_best(of)
            ratios = np.ones(1) if best is None else _ratios(best, ours)
            middle = float(np.median(ratios))
            fastest += middle * _CLOSE >= 1
            low, high = np.quantile(ratios, [0.25, 0.75])
            if not low <= 1 <= high:
                differing.append(middle)
        mean = f"{np.exp(np.mean(np.log(differing))):.2f}" if differing else "-"
        share = f"{fastest} of {len(models)}"
        lines.append((engine, _kind(is_known), share, str(len(differing)), mean))
    return ("engine", "models", "fastest or within 3%", "differing", "geometric mean"), lines


def step_lines(rows: Sequence[CalibratedRow]) -> Lines:
    """A line for each plan: predicted beside measured."""
    header = ("engine", "model", "plan", "measured ms", "apart", "predicted ms", "error", "types")
    lines = []
    for row in rows:
        low, high = np.quantile(row.seconds, [0.25, 0.75])
        types = ", ".join(f"{count} {kind}" for kind, count in row.sharding.items())
        measured = row.measured_seconds
        lines.append(
            (
                row.engine,
                row.model,
                " = ".join(row.contenders),
                f"{measured * 1e3:.1f}",
                f"{(high - low) / measured:.2f}",
                f"{row.predicted_seconds * 1e3:.1f}",
                f"{row.predicted_seconds / measured - 1:+.0%}",
                types,
            )
        )
    return header, lines


def _kind(is_known: bool) -> str:
    return "known" if is_known else "drawn"


def _of_model(row: CalibratedRow) -> tuple[str, bool, str]:
    return row.engine, row.is_known, row.model


def _by(
    rows: Iterable[CalibratedRow], key: Callable[[CalibratedRow], Key]
) -> dict[Key, list[CalibratedRow]]:
    found: dict[Key, list[CalibratedRow]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def _order(rows: Sequence[CalibratedRow]) -> PairOrder:
    """Of the plans of one model."""
    return PairOrder.of(
        [row.predicted_seconds for row in rows], [row.measured_seconds for row in rows]
    )


def _ours_and_best(
    rows: Sequence[CalibratedRow],
) -> tuple[CalibratedRow, CalibratedRow | None]:
    """shardplan's row, and the fastest of others' plans; None where all made the same plan."""
    (ours,) = (row for row in rows if OURS in row.contenders)
    others = [
        row
        for row in rows
        if row is not ours and not all(name.startswith(TYPES) for name in row.contenders)
    ]
    return ours, min(others, key=lambda row: row.measured_seconds, default=None)


def _ratios(other: CalibratedRow, ours: CalibratedRow) -> NDArray[np.float64]:
    """(rounds,)."""
    return np.array(other.seconds) / np.array(ours.seconds)
