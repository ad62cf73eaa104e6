import numpy as np
import pytest

from shardplan.explain.numbers.selection import select
from shardplan.explain.numbers.table_detail import table_detail


def test_a_selection_is_the_sum_of_its_tables(study):
    found = select(study, ["*_id", "history"])
    assert {line.name for line in found.tables} == {"user_id", "item_id", "history"}
    details = [table_detail(study, line.name) for line in found.tables]
    for position, phase in enumerate(found.phases):
        total = sum(detail.phases[position].total_seconds for detail in details)
        assert phase.total_seconds == pytest.approx(total, rel=1e-7)
    assert found.memory_bytes.hbm == pytest.approx(
        sum(line.memory_bytes.hbm for line in found.tables), abs=3
    )


def test_all_tables_together_are_slowest_where_the_plan_is(study):
    found = select(study, ["*"])
    constants = [phase.constant_seconds for phase in study.case.cost_model.phases]
    np.testing.assert_allclose(
        [phase.seconds for phase in found.phases],
        study.rank_seconds.max(axis=0) - constants,
        rtol=1e-6,
        atol=1e-12,
    )
    assert {phase.share for phase in found.phases if phase.total_seconds} == {1.0}


def test_a_glob_that_matches_nothing_is_told(study):
    with pytest.raises(KeyError, match="nobody_"):
        select(study, ["user_id", "nobody_*"])
