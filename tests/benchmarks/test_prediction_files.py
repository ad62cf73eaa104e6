"""Published times of any number of processes, held against the model by path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("ranks", [4, 8, 16])
def test_all_to_alls_of_any_number_of_processes_are_fitted(tmp_path: Path, ranks: int) -> None:
    """Times that grow with the mean and the largest buffer are predicted within 2%."""
    from prediction import exchanges

    random = np.random.default_rng(ranks)
    lines = []
    for _ in range(80):
        columns = random.integers(16, 800, ranks)
        seconds = 1.0 + 0.1 * columns.mean() + 0.05 * columns.max()
        cells = (columns, [0] * ranks, [seconds] * ranks, [2 * seconds] * ranks)
        lines.append(" ".join(",".join(map(str, cell)) for cell in cells))
    path = tmp_path / "exchanges.txt"
    path.write_text("\n".join(lines))
    ours = [row for row in exchanges(path, seed=0) if row.model == "shardplan"]
    assert len(ours) == 2
    for row in ours:
        assert row.accuracy.count == 40
        assert row.accuracy.mean_error < 0.02


@pytest.mark.parametrize("ranks", [8, 16])
def test_sets_of_tables_of_any_number_of_processes_are_fitted(
    shared_data: Path, tmp_path: Path, ranks: int
) -> None:
    """Times twice as long as the published ones are predicted as well as those."""
    from cpu_measurements import EMBEDDING_COSTS
    from prediction import sets_of_tables

    lines = EMBEDDING_COSTS.read_text(encoding="utf-8").splitlines()[:300]
    slower = [f"{line.split('cost: ')[0]}cost: {2 * float(line.split()[-1])}" for line in lines]
    path = tmp_path / "sets.txt"
    path.write_text("\n".join(slower))
    ours = next(iter(sets_of_tables(path, ranks, seed=0)))
    assert ours.accuracy.count == 150
    assert ours.accuracy.mean_error < 0.12
    assert ours.accuracy.rank_correlation > 0.97
