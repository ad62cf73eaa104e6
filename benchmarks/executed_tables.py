"""Measured steps as tables: predicted beside measured, plans against plans, engine beside engine.

Known models and drawn ones stand apart. Ratios are medians over rounds of what neighbours in time
took, with their quartiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from executed_rows import THEIRS, Series
from pair_order import PairOrder
from side_by_side import SideBySide

from shardplan.calibrate.accuracy import Accuracy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from executed_rows import StepRow
    from side_by_side import Ratio

Key = TypeVar("Key")
Each = TypeVar("Each")
Lines = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""A header, and the cells below it."""
CLOSE = 1.03
"""A plan that takes so many times as long as the fastest counts as fastest too."""
_OPTIMIZERS = {"sgd": "SGD", "rowwise_adagrad": "row-wise Adagrad"}
_NONE = "-"


def accuracy_lines(rows: Sequence[StepRow]) -> Lines:
    """A line for each engine and kind of model: predicted steps against measured ones."""
    lines = []
    for kind, models in _kinds(rows):
        found = [row for model in models for row in model.rows]
        accuracy = Accuracy.of(
            [row.predicted_seconds for row in found], [row.median_seconds for row in found]
        )
        orders = (
            PairOrder.total(model.order for model in models),
            PairOrder.total(model.certain_order for model in models),
        )
        errors = (f"{accuracy.mean_error:.1%}", f"{accuracy.bias:+.1%}")
        pairs = (cell for order in orders for cell in (str(order.pairs), f"{order.share:.1%}"))
        lines.append((*kind, str(len(models)), str(accuracy.count), *errors, *pairs))
    header = ("engine", "models", "of them", "plans", "MAPE", "bias", "pairs", "in order")
    return (*header, "certain pairs", "in order too"), lines


def summary_lines(rows: Sequence[StepRow]) -> Lines:
    """A line for each engine and kind of model: shardplan's plan beside the others'.

    Means are geometric, of the models on which both differ by more than noise.
    """
    lines = []
    for kind, models in _kinds(rows):
        best = [model.against_best_other() for model in models]
        fastest = sum(ratio is None or ratio.median * CLOSE >= 1 for ratio in best)
        theirs = [model.against(THEIRS) for model in models]
        means = (cell for ratios in (best, theirs) for cell in _mean(ratios))
        lines.append((*kind, str(len(models)), f"{fastest} of {len(models)}", *means))
    others = ("differ", "best other / shardplan", "differ too", "torchrec / shardplan")
    return ("engine", "models", "of them", "fastest or within 3%", *others), lines


def plan_lines(rows: Sequence[StepRow], engine: str) -> Lines:
    """A line for each model: shardplan's plan, TorchRec's planner's, and the best of the others'.

    Above 1, shardplan's plan is faster.
    """
    lines = []
    for model in SideBySide.all_of(rows, Series.PLANS):
        if model.engine == engine:
            ours, order = model.ours, model.order
            milliseconds = (ours.median_seconds, ours.predicted_seconds)
            theirs = (_median(model.against(THEIRS)), _predicted(model, model.of(THEIRS)))
            best, ratio = model.best_other, model.against_best_other()
            name = best.others[0] if best else _NONE
            against = (name, _cell(ratio), _predicted(model, best), _verdict(ratio))
            lines.append(
                (
                    _kind(model.is_known),
                    model.model,
                    *(f"{each * 1e3:.1f}" for each in milliseconds),
                    *theirs,
                    *against,
                    f"{order.in_order} of {order.pairs}",
                )
            )
    header = ("models", "model", "shardplan ms", "predicted ms", "torchrec", "predicted")
    others = ("best other", "ratio", "predicted ratio", "shardplan is", "pairs in order")
    return (*header, *others), lines


def engine_lines(rows: Sequence[StepRow]) -> Lines:
    """A line for each model and optimizer: TorchRec's milliseconds, the native engine's, ratios."""
    lines = []
    for model in SideBySide.all_of(rows, Series.ENGINES):
        for optimizer, name in _OPTIMIZERS.items():
            theirs, ours = _engines(model, optimizer)
            milliseconds = [f"{row.median_seconds * 1e3:.1f}" for row in (theirs, ours)]
            by_clock = model.ratio(ours, theirs)
            ratios = (_cell(by_clock), _cell(model.ratio(ours, theirs, on_core=True)))
            line = (_kind(model.is_known), model.model, name, *milliseconds, *ratios)
            lines.append((*line, _verdict(by_clock, faster="slower", slower="faster")))
    header = ("models", "model", "optimizer", "torchrec ms", "native ms")
    return (*header, "by the clock", "on a core", "native is"), lines


def engine_summary(rows: Sequence[StepRow]) -> Lines:
    """A line for each optimizer and kind of model: the median model, and the extremes."""
    lines = []
    models = SideBySide.all_of(rows, Series.ENGINES)
    for optimizer, name in _OPTIMIZERS.items():
        for is_known, of in _by(models, lambda model: model.is_known).items():
            clocks = [
                [
                    model.ratio(ours, theirs, on_core=on_core).median
                    for model in of
                    for theirs, ours in [_engines(model, optimizer)]
                ]
                for on_core in (False, True)
            ]
            lines.append((name, f"{len(of)} {_kind(is_known)}", *map(_spread, clocks)))
    return ("optimizer", "models", "by the clock", "on a core"), lines


def step_lines(rows: Sequence[StepRow]) -> Lines:
    """A line for each plan: predicted beside measured."""
    header = ("engine", "model", "plan", "measured ms", "apart", "predicted ms", "error", "types")
    lines = []
    for row in rows:
        if row.series == Series.PLANS:
            low, high = row.quartile_seconds
            types = ", ".join(f"{count} {kind}" for kind, count in row.sharding.items())
            measured, predicted = row.median_seconds, row.predicted_seconds
            cells = (f"{measured * 1e3:.1f}", f"{(high - low) / measured:.2f}")
            error = f"{predicted / measured - 1:+.0%}"
            name = " = ".join(row.contenders)
            lines.append(
                (row.engine, row.model, name, *cells, f"{predicted * 1e3:.1f}", error, types)
            )
    return header, lines


def machines(rows: Sequence[StepRow]) -> str:
    """Where it was measured, and with which libraries."""
    found = dict.fromkeys((row.processes, row.machine) for row in rows)
    return "".join(f"{processes} processes on {machine}.\n" for processes, machine in found)


def _kinds(rows: Sequence[StepRow]) -> Iterator[tuple[tuple[str, str], list[SideBySide]]]:
    """The names of an engine and a kind of model, and the models."""
    models = SideBySide.all_of(rows, Series.PLANS)
    for (engine, is_known), of in _by(models, lambda m: (m.engine, m.is_known)).items():
        yield (engine, _kind(is_known)), of


def _by(values: Iterable[Each], key: Callable[[Each], Key]) -> dict[Key, list[Each]]:
    found: dict[Key, list[Each]] = {}
    for value in values:
        found.setdefault(key(value), []).append(value)
    return found


def _kind(is_known: bool) -> str:
    return "known" if is_known else "drawn"


def _engines(model: SideBySide, optimizer: str) -> tuple[StepRow, StepRow]:
    """TorchRec's row and the native engine's."""
    return model.of_engine("torchrec", optimizer), model.of_engine("native", optimizer)


def _mean(ratios: Sequence[Ratio | None]) -> tuple[str, str]:
    """How many differ from 1, and their geometric mean."""
    differing = [ratio.median for ratio in ratios if ratio is not None and ratio.differs]
    mean = f"{np.exp(np.mean(np.log(differing))):.2f}" if differing else _NONE
    return str(len(differing)), mean


def _predicted(model: SideBySide, row: StepRow | None) -> str:
    """Over shardplan's plan."""
    return f"{row.predicted_seconds / model.ours.predicted_seconds:.2f}" if row else _NONE


def _median(ratio: Ratio | None) -> str:
    return f"{ratio.median:.2f}" if ratio else _NONE


def _cell(ratio: Ratio | None) -> str:
    """With its quartiles."""
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})" if ratio else _NONE


def _verdict(ratio: Ratio | None, faster: str = "faster", slower: str = "slower") -> str:
    """Above 1 one is ``faster``; within noise, neither."""
    if ratio is None or not ratio.differs:
        return "alike"
    return faster if ratio.median > 1 else slower


def _spread(ratios: Sequence[float]) -> str:
    return f"{np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
