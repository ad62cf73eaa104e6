"""Tables by devices: who spends how long on what."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from shardplan.explain.render.html.chart import BESIDE
from shardplan.explain.render.html.svg import (
    BELOW_MIDDLE,
    WIDTH,
    Rectangle,
    label,
    picture,
    rectangles,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.explain.numbers.study import Study

MOST_ROWS = 600
"""The costliest tables, which are drawn."""
SHADES = 5
SHADE_FACTOR = 3.0
"""A shade stands for this many times the seconds of the next lighter one."""
_LEFT, _TOP = 170.0, 18.0
_TALLEST = 1500.0
_LOWEST, _HIGHEST = 2.5, 14.0
_READABLE = 9.0
"""The height of a row that a name fits beside; of lower ones only some are named."""
_FILLED = 0.94
"""Of the height of a row; the rest is the gap to the next."""
_LONGEST_NAME = 26
_MOST_PLACES = 16
_MARGIN = 4.0


def matrix_meaning(tables: int) -> str:
    """What the picture of that many tables shows."""
    shown = f"the {MOST_ROWS} costliest of {tables:,} tables" if tables > MOST_ROWS else "tables"
    step = _name_step(_row_height(min(tables, MOST_ROWS)))
    named = "" if step == 1 else f"one name to {step} tables; "
    return (
        f"{shown} by ranks, the costliest on top; {named}each darker shade is "
        f"{SHADE_FACTOR:g} times the seconds"
    )


def matrix_picture(study: Study, order: Sequence[int]) -> str:
    """A row per table of ``order``, a column per rank, darker where it takes longer."""
    rows = order[:MOST_ROWS]
    ranks = study.case.topology.world_size
    height = _row_height(len(rows))
    width = (WIDTH - _LEFT) / ranks
    ledger, counted = study.ledger, study.is_counted
    most = float(ledger.slowest_seconds[:, counted].sum(axis=1).max(initial=0.0))
    boxes: dict[int, list[Rectangle]] = {shade: [] for shade in range(1, SHADES + 1)}
    labels = []
    step = _name_step(height)
    for number, table in enumerate(rows):
        top = _TOP + number * height
        shades = _shades(ledger.take([table]).rank_seconds[:, counted].sum(axis=1), most)
        for shade, first, end in _runs(shades):
            box = (_LEFT + first * width, top, (end - first) * width, height * _FILLED)
            boxes[shade].append(box)
        if number % step == 0:
            name = study.planned[table].table.label
            shown = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
            labels.append(label(_LEFT - BESIDE, top + height / 2 + BELOW_MIDDLE, shown, "end"))
    parts = [*_places(ranks, width), *labels]
    parts += [rectangles(each, f"m{shade}") for shade, each in boxes.items()]
    return picture(_TOP + len(rows) * height + _MARGIN, parts, "seconds of each table on each rank")


def _row_height(rows: int) -> float:
    return float(np.clip(_TALLEST / max(rows, 1), _LOWEST, _HIGHEST))


def _name_step(height: float) -> int:
    """Every how many rows of this height there is room for a name."""
    return 1 if height >= _READABLE else math.ceil(_HIGHEST / height)


def _shades(seconds: NDArray[np.float64], most: float) -> NDArray[np.int64]:
    """(W,): from SHADES for the most seconds of any cell down to 1, and 0 for nothing."""
    shades = np.zeros(len(seconds), dtype=np.int64)
    some = seconds > 0
    below = np.log(most / seconds[some]) / np.log(SHADE_FACTOR)
    shades[some] = (SHADES - np.floor(below + 1e-9)).clip(1, SHADES)
    return shades


def _runs(shades: NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """(shade, first, end) of neighbours alike, without those that have none."""
    first = 0
    for shade, group in groupby(shades.tolist()):
        end = first + len(list(group))
        if shade:
            yield shade, first, end
        first = end


def _places(ranks: int, width: float) -> Iterator[str]:
    step = max(1, -(-ranks // _MOST_PLACES))
    for rank in range(0, ranks, step):
        yield label(_LEFT + (rank + 0.5) * width, _TOP - BESIDE, f"{rank}", "middle")
    yield label(_LEFT - BESIDE, _TOP - BESIDE, "rank", "end")
