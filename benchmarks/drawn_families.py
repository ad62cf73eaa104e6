"""Problems drawn anew from a seed, so that tuning to the known ones shows."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from known_families import generated_spec, neuroshard_spec
from problem_specs import Ruler, on_bench
from table_sets import rows_of, sample_of_856

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Specs = Iterator[tuple[str, dict[str, Any]]]

_DIMS = (16, 32, 64, 128, 256)
_DEVICES = (8, 16, 32, 64, 128)
_OPTIMIZER_AND_WEIGHTS = 2
"""HBM holds this many times the fp32 weights, as the generator's problems do."""
_FP32_BYTES = 4
_EACH = 3
_TASKS = range(4, 50)
"""NeuroShard's that are not among the known."""


def _few_kinds(ruler: Ruler, dice: random.Random) -> Specs:
    """Hundreds of tables of one to twelve kinds, half of the sets of a single dim."""
    kinds, tables, devices = dice.randint(1, 12), _many(dice, 100, 1_000), dice.choice(_DEVICES)
    one_dim = dice.choice(_DIMS)
    is_mixed = dice.random() < 0.5
    of = [
        (_rows(dice, 4, 7.5), dice.choice(_DIMS) if is_mixed else one_dim, _pooling(dice))
        for _ in range(kinds)
    ]
    drawn = of + [dice.choice(of) for _ in range(tables - kinds)]
    yield f"{kinds} kinds of {tables} x {devices}", _with_room(drawn, devices, ruler)


def _few_large(ruler: Ruler, dice: random.Random) -> Specs:
    """Fewer tables than devices or about as many, of up to a billion rows."""
    tables, devices = dice.randint(8, 60), dice.choice(_DEVICES[1:])
    drawn = [(_rows(dice, 6, 9), dice.choice(_DIMS[2:]), _pooling(dice)) for _ in range(tables)]
    yield f"{tables} large x {devices}", _with_room(drawn, devices, ruler)


def _drawn_856(ruler: Ruler, dice: random.Random) -> Specs:
    """Samples of the 856 with their skews, of one dim or of several."""
    count, devices = _many(dice, 26, 856), dice.choice(_DEVICES)
    dims = (dice.choice(_DIMS),) if dice.random() < 0.5 else _DIMS
    tables = sample_of_856(count, dims, dice.randrange(2**32))
    needed = sum(table["rows"] * (table["dim"] + 1) for table in tables) * _FP32_BYTES
    room = int(_OPTIMIZER_AND_WEIGHTS * needed / devices)
    yield f"{count} of 856 x {devices}", on_bench(tables, devices, room, ruler)


def _drawn_generated(ruler: Ruler, dice: random.Random) -> Specs:
    """The generator's, of sizes and seeds that nothing was tuned to."""
    tables, devices = _many(dice, 26, 1_000), dice.choice(_DEVICES)
    spec = generated_spec(tables, devices, ruler, dice.randrange(1, 2**32))
    yield f"{tables}x{devices}", spec


def _drawn_neuroshard(ruler: Ruler, dice: random.Random) -> Specs:
    number = dice.choice(_TASKS)
    yield f"task {number} x 4", neuroshard_spec(number)


_FAMILIES: dict[str, Callable[[Ruler, random.Random], Specs]] = {
    "few-kinds": _few_kinds,
    "few-large": _few_large,
    "drawn-856": _drawn_856,
    "drawn-generated": _drawn_generated,
    "drawn-neuroshard": _drawn_neuroshard,
}
DRAWN = tuple(_FAMILIES)
"""Names. ``drawn-856`` and ``drawn-neuroshard`` draw from the folder shared/data."""


def drawn_specs(family: str, ruler: Ruler, seed: int) -> Specs:
    """Three problems, the same under both rulers; their names tell the seed."""
    for number in range(_EACH):
        dice = random.Random(f"{family} {seed} {number}")
        for name, spec in _FAMILIES[family](ruler, dice):
            yield f"{name}, {seed}/{number}", spec


def _with_room(tables: list[tuple[int, int, float]], devices: int, ruler: Ruler) -> dict[str, Any]:
    needed = sum(rows * (dim + 1) for rows, dim, _ in tables) * _FP32_BYTES
    room = int(_OPTIMIZER_AND_WEIGHTS * needed / devices)
    return on_bench(rows_of(tables), devices, room, ruler)


def _many(dice: random.Random, least: int, most: int) -> int:
    """Log-uniform."""
    return round(least * (most / least) ** dice.random())


def _rows(dice: random.Random, least: float, most: float) -> int:
    return int(10 ** dice.uniform(least, most))


def _pooling(dice: random.Random) -> float:
    return round(10 ** dice.uniform(0, 1.7), 1)
