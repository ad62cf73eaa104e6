"""What of a phase has moved: against plans and files of which it is known."""

from __future__ import annotations

import numpy as np
import pytest

from shardplan import Settings, load, plan
from shardplan.plan.file.measured import Measured, MeasuredRank
from shardplan.tune.drift.drift import BESIDE, Drift
from shardplan.tune.drift.spent_on import SpentOn

SPEC = {
    "batch": {"local": 4096},
    "topology": {"name": "cpu-2s"},
    "tables": [
        {"name": "small", "rows": 400_000, "dim": 64, "pooling": 3},
        {"name": "large", "rows": 400_000, "dim": 64, "pooling": 9},
        {"name": "rows", "rows": 400_000, "dim": 64, "pooling": 9},
        {"name": "copied", "rows": 9, "dim": 4, "pooling": 1},
    ],
    "constraints": [
        {"tables": "small", "sharding": "table_wise", "ranks": [0]},
        {"tables": "large", "sharding": "table_wise", "ranks": [1]},
        {"tables": "rows", "sharding": "row_wise"},
        {"tables": "copied", "sharding": "data_parallel"},
    ],
}
FILES, SINCE = 24, 13
UPDATE, OUTPUT = "update_backward", "output_comm"


@pytest.fixture(scope="module")
def case():
    return load(SPEC)


@pytest.fixture(scope="module")
def planned(case):
    return plan(case, Settings(method="greedy"))


def drift_of(case, planned, slower) -> Drift:
    """Of files with a third more than is predicted; ``slower(part, rank)`` is how many times as
    long a part takes on a rank from one file on, of the update and of the sums' way."""
    spent, generator, files = SpentOn.of(case, planned), np.random.default_rng(0), []
    for number in range(FILES):
        ranks = []
        for rank in range(2):
            phases = {}
            for phase in (UPDATE, OUTPUT):
                parts = spent.parts(phase)
                took = sum(
                    each[rank] * (slower(part, rank) if number >= SINCE else 1)
                    for part, each in parts.items()
                )
                phases[phase] = float(took * 1.3 * np.exp(0.01 * generator.standard_normal()))
            ranks.append(MeasuredRank(rank=rank, phases=phases))
        slowest = sum(max(r.phases[phase] for r in ranks) for phase in (UPDATE, OUTPUT))
        files.append(Measured(step_seconds=slowest + 1e-3, ranks=tuple(ranks)))
    return Drift.of(planned, files, [f"{number:02}.json" for number in range(FILES)], case)


def term(drift, name):
    return next(each for each in drift.terms if each.name == name)


@pytest.mark.parametrize("kind", ["row_wise", "table_wise"])
def test_the_tables_of_the_type_that_moved_are_told_from_others(case, planned, kind):
    drift = drift_of(case, planned, lambda part, rank: 1.6 if kind in part else 1.0)
    moved = term(drift, UPDATE)
    assert moved.parts == (f"{kind} fused",)
    assert moved.ranks == ()


def test_a_rank_that_got_slower_by_itself_is_told_from_its_tables(case, planned):
    drift = drift_of(case, planned, lambda part, rank: 1.6 if rank == 1 else 1.0)
    moved = term(drift, UPDATE)
    assert moved.ranks == (1,)
    assert moved.parts == ()


def test_of_an_exchange_the_collectives_are_named(case, planned):
    drift = drift_of(case, planned, lambda part, rank: 2.0 if " of " in part else 1.0)
    assert set(term(drift, OUTPUT).parts) == {
        "reduce_scatter of row_wise",
        "all_to_all of table_wise",
    }
    assert not term(drift, UPDATE).has_moved
    assert term(drift, UPDATE).parts == ()


def test_what_no_phase_takes_of_the_step_is_a_term_of_its_own(case, planned):
    drift = drift_of(case, planned, lambda part, rank: 1.0)
    beside = term(drift, BESIDE)
    assert beside.after_seconds == pytest.approx(1e-3, rel=0.01)
    assert not drift.has_drifted


def test_the_parts_of_a_phase_are_what_the_plan_predicts(case, planned):
    spent = SpentOn.of(case, planned)
    predicted = [rank.phases[UPDATE] for rank in planned.prediction.ranks]
    constant = case.step.constant_seconds[[p.name for p in case.step.phases].index(UPDATE)]
    assert sum(spent.parts(UPDATE).values()) + constant == pytest.approx(predicted)
