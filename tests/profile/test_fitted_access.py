"""What a spec says of a table's accesses gives back the data's distinct rows, and the truth's."""

from __future__ import annotations

import numpy as np
import pytest

from shardplan.profile.fit.access_form import AccessForm
from shardplan.profile.fit.fitted_access import access_of
from shardplan.profile.fit.points import MOST_POINTS
from shardplan.profile.fit.population import population_of
from shardplan.profile.frequencies import Frequencies
from shardplan.spec.fields.access import read_access, write_access
from shardplan.workload.access import Cdf, Reuse, Uniform, Zipf

ROWS = 500_000
BATCH = 16_384


def zipf(exponent: float, rows: int = ROWS) -> np.ndarray:
    return np.arange(1, rows + 1) ** -exponent


def lognormal(spread: float, seed: int = 0) -> np.ndarray:
    return np.exp(spread * np.random.default_rng(seed).standard_normal(ROWS))


def levels(hot: int, times: float) -> np.ndarray:
    return np.where(np.arange(ROWS) < hot, times, 1.0)


POPULATIONS = {
    # Those of the study.
    "zipf 0.6": zipf(0.6),
    "zipf 0.9": zipf(0.9),
    "zipf 1.05": zipf(1.05),
    "zipf 1.3": zipf(1.3),
    "lognormal": lognormal(2.5),
    "two levels": levels(ROWS // 100, 100.0),
    "uniform": np.ones(ROWS),
    # Others: mixtures, a law that is cut, few rows.
    "fifty hot rows over a lognormal": lognormal(1.0) + levels(50, 20_000.0),
    "zipf that ends at a fifth": np.where(np.arange(ROWS) < ROWS // 5, zipf(1.1), 0.0),
    "three levels": levels(100, 9_000.0) * levels(20_000, 30.0),
    "zipf over lognormal": zipf(0.8) * lognormal(1.0, 3),
    "a thousand rows": zipf(1.0, 1_000),
    "thirty rows": zipf(1.5, 30),
    "one row draws half": zipf(0.7) + levels(1, zipf(0.7).sum()),
}


def drawn(name: str, batches: float) -> tuple[np.ndarray, Frequencies]:
    """Shares of rows, and the counts of so many batches."""
    shares = POPULATIONS[name] / POPULATIONS[name].sum()
    seed = sorted(POPULATIONS).index(name)
    counts = np.random.default_rng(seed).poisson(shares * BATCH * batches)
    return shares, Frequencies.of_counts(counts)


def touched(shares: np.ndarray, draws: float) -> float:
    with np.errstate(divide="ignore"):
        return float(-np.expm1(draws * np.log1p(-np.minimum(shares, 1.0))).sum())


@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.parametrize("batches", [17, 100])
def test_distinct_rows_are_within_a_percent_of_rarefaction_and_of_the_truth(name, batches):
    shares, data = drawn(name, batches)
    fitted = access_of(data, len(shares), BATCH)
    told = fitted.access.distribution(len(shares), 1.0)
    draws = [BATCH / 8, BATCH, 16 * BATCH]
    off_data = [told.unique_rows(each) / data.distinct_rows(each) - 1 for each in draws]
    off_truth = [told.unique_rows(each) / touched(shares, each) - 1 for each in draws]
    assert np.abs(off_data).max() < 0.01
    assert np.abs(off_truth).max() < 0.015
    assert fitted.error == pytest.approx(np.abs(off_data).max())


@pytest.mark.parametrize("name", POPULATIONS)
def test_the_share_of_the_hottest_rows_is_known_from_a_hundred_batches(name):
    shares, data = drawn(name, 100)
    told = access_of(data, len(shares), BATCH).access.distribution(len(shares), 1.0)
    falling = np.sort(shares)[::-1]
    for part in (0.01, 0.1):
        hot = falling[: max(1, int(len(shares) * part))].sum()
        share = max(1, int(len(shares) * part)) / len(shares)
        assert told.hottest_share(share) == pytest.approx(hot, abs=0.015)


@pytest.mark.parametrize("name", POPULATIONS)
def test_what_is_written_is_what_a_spec_takes(name):
    _, data = drawn(name, 17)
    access = access_of(data, len(POPULATIONS[name]), BATCH).access
    assert read_access(write_access(access)) == access
    assert isinstance(access, Uniform) == (name == "uniform")
    assert isinstance(access, Uniform) or len(access.points) <= MOST_POINTS


def test_rows_that_were_never_read_draw_next_to_nothing_where_no_id_was_read_once():
    counts = np.random.default_rng(5).poisson(20, 1_000).clip(2)
    data = Frequencies.of_counts(counts)
    told = population_of(data, 1_001_000)
    assert told.counts.sum() == pytest.approx(1_001_000)
    assert told.unique_rows(data.accesses) < 1_002


def test_a_law_is_written_where_it_is_asked_for_with_its_error():
    _, data = drawn("zipf 1.05", 17)
    fitted = access_of(data, ROWS, BATCH, form=AccessForm.ZIPF)
    assert isinstance(fitted.access, Zipf)
    assert fitted.access.exponent == pytest.approx(1.05, abs=0.01)
    assert fitted.error < 0.02
    _, other = drawn("two levels", 17)
    assert access_of(other, ROWS, BATCH, form=AccessForm.ZIPF).error > 0.03


def test_a_reuse_histogram_is_written_where_it_is_asked_for():
    _, data = drawn("lognormal", 17)
    fitted = access_of(data, ROWS, BATCH, form=AccessForm.REUSE)
    assert isinstance(fitted.access, Reuse)
    assert fitted.access.bins[:2] == pytest.approx(data.reuse(65_536)[:2], abs=1e-9)
    with pytest.raises(ValueError, match="accesses"):
        access_of(Frequencies.of_counts([3, 4]), ROWS, BATCH, form=AccessForm.REUSE)


def test_a_table_of_which_nothing_was_read_is_uniform():
    fitted = access_of(Frequencies.of_counts([]), 9, BATCH)
    assert (fitted.access, fitted.error) == (Uniform(), None)


def test_a_row_that_draws_nearly_all_takes_no_other_row_along():
    """A border that is off by a millionth of a row would give others thousands of its reads."""
    counts = [196_715_827, *[1] * 10, *[2] * 3, 3, 4]
    data, rows, batch = Frequencies.of_counts(counts), 13_904_420, 1_426_186
    told = access_of(data, rows, batch).access.distribution(rows, 1.0)
    for draws in (batch / 8, batch, 16 * batch):
        assert told.unique_rows(draws) == pytest.approx(data.distinct_rows(draws), rel=0.01)


def test_fewer_rows_than_ids_are_refused():
    with pytest.raises(ValueError, match="3 ids are more than 2 rows"):
        access_of(Frequencies.of_counts([1, 5, 90]), 2, 1)


def test_rows_that_data_hardly_read_tell_no_large_batches():
    """A dictionary has the rows that were read, and most of them were read once."""
    ids = np.random.default_rng(0).zipf(1.3, 20_000)
    data = Frequencies.of_counts(np.unique(ids, return_counts=True)[1])
    fitted = access_of(data, data.rows_touched, 1_024)
    assert fitted.error > 0.05
    assert fitted.worst_at == 16


def test_rows_are_all_points_where_there_are_few():
    access = access_of(Frequencies.of_counts([7_000, 2_000, 1_000]), 3, 10).access
    assert access == Cdf(((1 / 3, 0.7), (2 / 3, 0.9), (1.0, 1.0)))
