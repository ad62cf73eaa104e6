"""shardplan beside TorchRec's planner in three figures, as the README shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from drawn_families import DRAWN
from executed_rows import OURS, THEIRS, Series
from report import number
from side_by_side import SideBySide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comparison import Row
    from executed_rows import StepRow
    from executed_tables import Lines

_KINDS = (True, False)
WHAT = "shardplan beside TorchRec's planner"


def second_screen_lines(planned: Sequence[Row], trained: Sequence[StepRow]) -> Lines:
    """A line for each figure: shardplan beside TorchRec's planner, known models and drawn ones.

    Means are geometric, of the problems for which both have a plan.
    """
    pairs = {kind: _pairs(planned, is_known=kind) for kind in _KINDS}
    quality = tuple(_quality(pairs[kind]) for kind in _KINDS)
    seconds = tuple(_seconds(pairs[kind]) for kind in _KINDS)
    steps = tuple(_steps(trained, is_known=kind) for kind in _KINDS)
    lines = [
        ("plan, above the proven bound", *quality, "`python benchmarks/quality.py`"),
        ("CPU time to plan", *seconds, "`python benchmarks/quality.py`"),
        ("measured step", *steps, "`python benchmarks/executor.py`"),
    ]
    return (WHAT, "known models", "drawn models", "measured by"), lines


def _pairs(rows: Sequence[Row], *, is_known: bool) -> list[tuple[Row, Row]]:
    """shardplan's row and TorchRec's of each problem."""
    problems: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        if (row.family not in DRAWN) == is_known and row.ratio is not None:
            problems.setdefault((row.instance, row.ruler), {})[row.contender] = row
    return [(of[OURS], of[THEIRS]) for of in problems.values() if {OURS, THEIRS} <= of.keys()]


def _quality(pairs: Sequence[tuple[Row, Row]]) -> str:
    if not pairs:
        return "-"
    ours, theirs = ([row.ratio or 0.0 for row in rows] for rows in zip(*pairs, strict=True))
    means = [f"{_mean(each) - 1:.1%}" for each in (ours, theirs)]
    less, more = (sum(_is_less(*pair) for pair in zip(*two, strict=True))
                  for two in ((ours, theirs), (theirs, ours)))  # fmt: skip
    return _cell(*means, f"closer on {less}, farther on {more} of {len(pairs)}")


def _seconds(pairs: Sequence[tuple[Row, Row]]) -> str:
    if not pairs:
        return "-"
    ours, theirs = ([row.cpu_seconds or 0.0 for row in rows] for rows in zip(*pairs, strict=True))
    means = [f"{number(_mean(each), 2)} s" for each in (ours, theirs)]
    faster = sum(one < other for one, other in zip(ours, theirs, strict=True))
    return _cell(*means, f"sooner on {faster}, later on {len(pairs) - faster} of {len(pairs)}")


def _steps(rows: Sequence[StepRow], *, is_known: bool) -> str:
    """Under TorchRec, which runs both plans."""
    models = [
        model
        for model in SideBySide.all_of(rows, Series.PLANS)
        if model.engine == "torchrec" and model.is_known == is_known and model.of(THEIRS)
    ]
    if not models:
        return "-"
    ours = [model.ours.median_seconds for model in models]
    theirs = [model.of(THEIRS).median_seconds for model in models]
    ratios = [model.against(THEIRS) for model in models]
    faster, slower = (
        sum(ratio.differs and (ratio.median > 1) == is_above for ratio in ratios)
        for is_above in (True, False)
    )
    means = [f"{_mean(each) * 1e3:.1f} ms" for each in (ours, theirs)]
    return _cell(*means, f"faster on {faster}, slower on {slower} of {len(models)}")


def _cell(ours: str, theirs: str, score: str) -> str:
    return f"{ours} beside {theirs}: {score}"


def _is_less(one: float, other: float) -> bool:
    """By more than what rounding leaves."""
    return one < other * (1 - 1e-6)


def _mean(values: Sequence[float]) -> float:
    """Geometric."""
    return float(np.exp(np.mean(np.log(values))))
