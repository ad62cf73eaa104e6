"""The check of profiles by numpy: it passes what is right, and finds a number that is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("duckdb")
pytest.importorskip("narwhals")

if TYPE_CHECKING:
    from pathlib import Path

BATCH = 200


def test_numpy_counts_what_a_profile_says_and_finds_what_it_does_not(tmp_path: Path) -> None:
    from moving_days import MadeTable, write_days
    from profile_checks import checked

    from shardplan.profile.profile_files import Reading, profile_files
    from shardplan.profile.tables.table_profile import Asked
    from shardplan.profile.tables.write_profile import write_profile

    tables = [MadeTable("a", 500, 0.9, None, True), MadeTable("list", 70, 1.0, 3.0, False)]
    write_days(tmp_path, tables, 4_000)
    days, output = [tmp_path / f"day_{day}.parquet" for day in range(2)], tmp_path / "t.yaml"
    found = profile_files([*map(str, days)], Asked(batch=BATCH), Reading(day="day_*"))
    write_profile(found, str(output))
    right = checked(tables, days, output, BATCH)
    assert not right.wrong
    assert right.whole_numbers > 1_000
    assert right.worst_float < 1e-8  # nine digits behind the point are written
    assert right.worst_rows < 0.01

    kept = output.with_suffix(".profile.json")
    document = json.loads(kept.read_text())
    document["tables"][1]["hot"][3]["reads"] += 1
    kept.write_text(json.dumps(document))
    assert checked(tables, days, output, BATCH).wrong == ["list: hot"]


def test_moved_ids_are_a_tenth_of_the_ranks_of_moving_tables_alone() -> None:
    import numpy as np
    from moving_days import MadeTable, made_tables

    assert [each.name for each in made_tables() if each.moves] == [
        "cat_0", "cat_3", "cat_6", "cat_9", "cat_21",
    ]  # fmt: skip
    for moves in (False, True):
        table = MadeTable("a", 1_000, 0.5, None, moves)
        first, second = (table.ids(10_000, day, np.random.default_rng(0)) for day in range(2))
        assert 0.05 * moves <= (first != second).mean() <= 0.2 * moves
