"""Ids that stand in a sample more than once are no order of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

pytest.importorskip("duckdb")
pytest.importorskip("narwhals")

from shardplan.profile.count.ids_by_sample import IdsBySample
from shardplan.profile.profile_files import profile_files
from shardplan.profile.tables.table_profile import Asked

if TYPE_CHECKING:
    from pathlib import Path

SAMPLES, BATCH = 4_000, 250


def warned(tmp_path: Path, ids: np.ndarray) -> tuple[str, object]:
    """Warnings of lists of (samples, ids of each), and the order of files."""
    parquet.write_table(pa.table({"a": ids.tolist()}), tmp_path / "d.parquet")
    found = profile_files([str(tmp_path / "d.parquet")], Asked(batch=BATCH))
    return "\n".join(found.warnings), found.tables[0].order


def test_ids_four_times_in_a_sample_are_no_order_of_files(tmp_path: Path) -> None:
    ids = np.repeat(np.random.default_rng(0).integers(0, 5_000, (SAMPLES, 1)), 4, axis=1)
    said, order = warned(tmp_path, ids)
    assert order.observed_rows == pytest.approx(order.sample_rows, rel=0.02)
    assert order.random_rows > 3 * order.sample_rows
    assert "more than once" in said
    assert "--shuffled" not in said


def test_an_order_of_files_is_told_beside_repeats(tmp_path: Path) -> None:
    ids = np.sort(np.random.default_rng(0).integers(0, 900, (SAMPLES, 1)), axis=0)
    said, _ = warned(tmp_path, np.repeat(ids, 4, axis=1))
    assert "more than once" in said
    assert "--shuffled" in said


def test_whole_samples_in_random_order_touch_what_drawing_them_does() -> None:
    rng = np.random.default_rng(1)
    lists = rng.zipf(1.4, (SAMPLES, 3)) % 2_000  # where hot ids stand twice, and cold ones once
    seen, observed = IdsBySample(), []
    for at in range(0, SAMPLES, BATCH):
        ids = lists[at : at + BATCH]
        seen.see(ids.ravel(), np.repeat(np.arange(BATCH), 3), BATCH)
        observed.append(len(np.unique(ids)))
    drawn = [len(np.unique(lists[rng.permutation(SAMPLES)[:BATCH]])) for _ in range(200)]
    assert seen.by_order == pytest.approx(np.mean(drawn) / np.mean(observed), rel=0.01)
