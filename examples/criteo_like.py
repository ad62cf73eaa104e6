"""Writes two days of lines like Criteo's: a label, 13 whole numbers, 26 ids in hexadecimal digits.

python examples/criteo_like.py FOLDER [LINES]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

ROWS = (20_000, 5_000, 60_000, 8_000, 300, 20, 9_000, 600, 3, 30_000, 4_000, 50_000, 3_000)
"""Of the first 13 features, and of the others again."""
MISSING = 0.03


def write_day(path: Path, lines: int, seed: int) -> None:
    """Ids by a power law, each table by another; a part of all values is missing."""
    rng = np.random.default_rng(seed)
    columns = [rng.integers(0, 2, lines).astype(str)]
    columns += [rng.geometric(0.1, lines).astype(str) for _ in range(13)]
    for feature in range(26):
        rows = ROWS[feature % len(ROWS)]
        weights = np.arange(1, rows + 1) ** -(0.6 + 0.02 * feature)
        ranks = rng.choice(rows, lines, p=weights / weights.sum())
        ids = np.random.default_rng(feature).integers(0, 2**32, rows)[ranks]
        columns.append(np.array([f"{each:08x}" for each in ids]))
    for column in columns[1:]:
        column[rng.random(lines) < MISSING] = ""
    path.write_text("".join("\t".join(row) + "\n" for row in zip(*columns, strict=True)))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    for day in range(2):
        write_day(folder / f"day_{day}", count, seed=day)
