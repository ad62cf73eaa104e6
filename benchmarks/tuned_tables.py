"""Tuned plans as tables, beside the plans of others and the one that tuning began with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from executed_rows import OURS, THEIRS, TUNED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from executed_tables import Lines
    from side_by_side import Ratio, SideBySide
    from tuned_rows import TunedModel

CLOSE = 1.02
"""A tuned plan that takes so many times as long as the best other is not slower by more than
noise."""
_NONE = "-"
HEADER = (
    "engine", "models", "of them", "no slower than others by 2%", "faster", "slower",
    "best other / tuned", "torchrec / tuned", "shardplan / tuned",
)  # fmt: skip


def tuned_summary(models: Sequence[TunedModel]) -> Lines:
    """A line for each engine and kind of model; means are geometric, of all models.

    Faster and slower are those models on which a paired test tells both plans from one another.
    """
    lines = []
    for (engine, is_known), of in _by_kind(models).items():
        best = [each.against_best_other(TUNED) for each in of]
        within = sum(ratio is None or ratio.median * CLOSE >= 1 for ratio in best)
        differing = [ratio.median for ratio in best if ratio is not None and ratio.differs]
        lines.append(
            (
                engine,
                _kind(is_known),
                str(len(of)),
                f"{within} of {len(of)}",
                str(sum(ratio > 1 for ratio in differing)),
                str(sum(ratio < 1 for ratio in differing)),
                _mean(best),
                *(_mean([_against(each, name) for each in of]) for name in (THEIRS, OURS)),
            )
        )
    return HEADER, lines


def tuned_lines(models: Sequence[TunedModel]) -> Lines:
    """A line for each model: the plan that was kept, the best of the others', and how it went."""
    lines = []
    for each in sorted(models, key=_order):
        there = each.side_by_side
        kept, best, ratio = there.of(TUNED), there.best_other, there.against_best_other(TUNED)
        assert kept is not None, "a tuning keeps a plan"
        lines.append(
            (
                kept.engine,
                _kind(kept.is_known),
                kept.model,
                f"{kept.median_seconds * 1e3:.1f}",
                best.others[0] if best else _NONE,
                _cell(ratio),
                _cell(_against(there, OURS)),
                str(each.rounds),
                str(each.runs),
                str(each.plans),
                f"{each.tuning_seconds:.0f}",
            )
        )
    header = ("engine", "models", "model", "tuned ms", "best other", "ratio", "shardplan")
    return (*header, "rounds", "runs", "plans", "seconds"), lines


def _by_kind(models: Sequence[TunedModel]) -> dict[tuple[str, bool], list[SideBySide]]:
    found: dict[tuple[str, bool], list[SideBySide]] = {}
    for each in sorted(models, key=_order):
        there = each.side_by_side
        found.setdefault((there.engine, there.is_known), []).append(there)
    return found


def _order(model: TunedModel) -> tuple[bool, bool]:
    there = model.side_by_side
    return there.engine != "torchrec", not there.is_known


def _kind(is_known: bool) -> str:
    return "known" if is_known else "drawn"


def _against(models: SideBySide, name: str) -> Ratio | None:
    """Another's plan over the tuned one; None where there is none."""
    other, kept = models.of(name), models.of(TUNED)
    return models.ratio(other, kept) if other and kept else None


def _mean(ratios: Sequence[Ratio | None]) -> str:
    """Geometric, of those that are there."""
    there = [ratio.median for ratio in ratios if ratio is not None]
    return f"{np.exp(np.mean(np.log(there))):.2f}" if there else _NONE


def _cell(ratio: Ratio | None) -> str:
    """With its quartiles."""
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})" if ratio else _NONE
