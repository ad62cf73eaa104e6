"""Drift of a table's ids: told where there is some, and silent where there is only chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from shardplan.errors import InputError
from shardplan.profile.drift.held_against import held_against
from shardplan.profile.drift.hot_noise import chance_loss
from shardplan.profile.drift.id_sample import is_sampled, one_in_of
from shardplan.profile.drift.movement import Movement, movement
from shardplan.profile.drift.reference import Reference
from shardplan.profile.drift.reference_file import (
    read_references,
    reference_path,
    references_data,
)
from shardplan.workload.row_distribution import RowDistribution

if TYPE_CHECKING:
    from pathlib import Path

ACCESSES = 400_000


def ids_of(rows: int) -> np.ndarray:
    """Ids that a hash made, of rows from the hottest on."""
    return np.random.default_rng(9).choice(2**40, rows, replace=False)


def day(shares: np.ndarray, seed: int, ids: np.ndarray, accesses: int = ACCESSES) -> dict:
    counts = np.random.default_rng(seed).poisson(shares / shares.sum() * accesses)
    return dict(zip(ids[counts > 0].tolist(), counts[counts > 0].tolist(), strict=True))


def kept(of_day: dict, one_in: int | None = None, hot: int = 1_000) -> Reference:
    ids, counts = (np.array(list(each), dtype=np.int64) for each in (of_day, of_day.values()))
    return Reference.of(ids, counts, hot, one_in)


def held(old: dict, new: dict, one_in: int | None = None, **known: int) -> Movement:
    def reads_of(ids: np.ndarray) -> np.ndarray:
        return np.array([new.get(each, 0) for each in ids.tolist()], dtype=np.int64)

    return movement("t", kept(old, one_in), kept(new, one_in), reads_of, **known)


LAWS = {
    "zipf 0.6": np.arange(1, 300_001) ** -0.6,
    "zipf 1.05": np.arange(1, 300_001) ** -1.05,
    "zipf 1.2 of few rows": np.arange(1, 2_001) ** -1.2,
    "lognormal": np.exp(2 * np.random.default_rng(1).standard_normal(100_000)),
    "uniform": np.ones(20_000),
    "a hundred rows": np.arange(1, 101) ** -0.9,
    "many rows, hardly read": np.arange(1, 300_001) ** -0.3,
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("one_in", [1, 16])
@pytest.mark.parametrize("accesses", [ACCESSES, 30_000])
def test_two_days_of_one_law_are_no_movement(law: str, one_in: int, accesses: int) -> None:
    """Also where the second is a part of a day, and where rows that are new are most of it."""
    ids = ids_of(len(LAWS[law]))
    old, new = day(LAWS[law], 1, ids), day(LAWS[law], 2, ids, accesses)
    found = held(old, new, one_in, rows=len(ids))
    assert not found.has_moved
    assert found.unseen_excess == pytest.approx(0.0, abs=max(0.004, 3 * found.unseen_error))
    assert found.lost_excess == pytest.approx(0.0, abs=max(0.004, 3 * found.lost_error))


@pytest.mark.parametrize("law", ["zipf 0.6", "zipf 1.05", "lognormal", "zipf 1.2 of few rows"])
@pytest.mark.parametrize("one_in", [1, 16])
def test_a_tenth_of_the_ranks_with_new_ids_is_a_movement(law: str, one_in: int) -> None:
    ids = ids_of(len(LAWS[law]))
    news = ids.copy()
    news[::10] = ids_of(2 * len(ids))[len(ids) :][: len(news[::10])]
    found = held(day(LAWS[law], 1, ids), day(LAWS[law], 2, news), one_in, rows=len(ids))
    assert found.has_new_ids or found.has_new_hot_ids
    by_law = LAWS[law][::10].sum() / LAWS[law].sum()
    if one_in == 1:
        # Of accesses to ids that are new, some would have been to rows not seen anyway.
        assert found.unseen_excess > (1 - found.unseen_by_chance) * by_law * 0.8


def test_rows_that_change_places_are_a_movement_though_no_id_is_new() -> None:
    law, ids = LAWS["zipf 1.2 of few rows"], ids_of(2_000)
    changed = ids.copy()
    changed[[3, 1_500]] = changed[[1_500, 3]]
    found = held(day(law, 1, ids), day(law, 2, changed), rows=2_000)
    assert (found.has_new_ids, found.has_new_hot_ids) == (False, True)
    assert found.lost == pytest.approx(law[3] / law.sum(), rel=0.1)


def test_how_much_a_cache_loses_is_about_the_rows_that_it_holds() -> None:
    law, ids = LAWS["zipf 1.05"], ids_of(300_000)
    changed = ids.copy()
    changed[100:200] = ids[200_000:200_100]
    changed[200_000:200_100] = ids[100:200]
    old, new = day(law, 1, ids), day(law, 2, changed)
    assert held(old, new, cached_rows=50).lost == pytest.approx(0.0, abs=0.001)
    assert held(old, new, cached_rows=400).lost > 0.02


def test_too_little_data_tells_no_hot_rows() -> None:
    found = held({1: 3, 2: 2}, {5: 9})
    assert (found.hot_rows, found.lost) == (0, 0.0)
    with pytest.raises(ValueError, match="nothing was read of t"):
        held({}, {5: 9})


def test_the_expected_loss_is_that_of_drawing_and_choosing() -> None:
    shares = np.arange(1, 20_001) ** -0.7
    shares /= shares.sum()
    population, random = RowDistribution.of(np.ones(20_000), shares), np.random.default_rng(2)
    losses = []
    for _ in range(40):
        before, after = random.poisson(shares * 600_000), random.poisson(shares * 400_000)
        own = np.sort(after)[-500:].sum()
        losses.append((own - after[np.argsort(before)[-500:]].sum()) / 400_000)
    expected = chance_loss(population, 500, 600_000, 400_000)
    assert expected == pytest.approx(np.mean(losses), rel=0.05)


def test_a_sample_of_fewer_ids_is_part_of_one_of_more() -> None:
    ids = np.arange(100_000) * 977
    wide, narrow = is_sampled(ids, 8), is_sampled(ids, 64)
    assert not (narrow & ~wide).any()
    assert narrow.mean() == pytest.approx(1 / 64, rel=0.1)
    assert [one_in_of(n) for n in (5, 65_536, 65_537, 40_000_000)] == [1, 1, 2, 1_024]


def test_references_read_back_as_they_were_written(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    every = {
        "a": kept(day(LAWS["uniform"], 1, ids_of(20_000))),
        "b": kept({7: 2}),
        "none": kept({}),
    }
    path = reference_path(tmp_path / "day.tables.yaml")
    assert path.name == "day.tables.reference.parquet"
    path.write_bytes(references_data(every))
    found = read_references(path)
    assert list(found) == ["a", "b", "none"]
    for name, reference in every.items():
        other = found[name]
        assert other.one_in == reference.one_in
        for key in ("hot_ids", "hot_counts", "sample_ids", "sample_counts"):
            np.testing.assert_array_equal(getattr(other, key), getattr(reference, key))
        np.testing.assert_array_equal(other.frequencies.reads, reference.frequencies.reads)
        np.testing.assert_array_equal(other.frequencies.ids, reference.frequencies.ids)


def test_what_is_kept_of_a_large_table_is_small() -> None:
    pytest.importorskip("pyarrow")
    reference = kept(day(LAWS["many rows, hardly read"], 1, ids_of(300_000)))
    assert 2**14 < len(reference.sample_ids) <= 1.05 * 2**16
    assert len(references_data({"t": reference})) < 2**20


def test_another_file_is_refused(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"table": ["t"], "part": ["hot"], "id": [1], "count": [1]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "x.parquet")
    with pytest.raises(InputError, match="is no file of references"):
        read_references(tmp_path / "x.parquet")
    (tmp_path / "y.parquet").write_text("no")
    with pytest.raises(InputError, match="cannot read the file"):
        read_references(tmp_path / "y.parquet")


def test_all_tables_are_held_against_those_of_the_same_name() -> None:
    law, ids = LAWS["zipf 1.2 of few rows"], ids_of(4_000)
    old = {"same": day(law, 1, ids[:2_000]), "gone": {1: 5}, "moved": day(law, 2, ids[:2_000])}
    new = {"moved": day(law, 3, ids[2_000:]), "came": {1: 5}, "same": day(law, 4, ids[:2_000])}

    def reads_of(table: str, wanted: np.ndarray) -> np.ndarray:
        return np.array([new[table].get(each, 0) for each in wanted.tolist()])

    references = [{name: kept(each) for name, each in days.items()} for days in (old, new)]
    found = held_against(*references, reads_of)
    assert [each.table for each in found.movements] == ["moved", "same"]
    assert [each.table for each in found.moved] == ["moved"]
    assert found.moved[0].unseen == 1.0
    assert (found.appeared, found.vanished) == (("came",), ("gone",))
