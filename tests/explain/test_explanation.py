import numpy as np
import pytest
from explain_cases import plan_of, small_case

from shardplan.build_case import case_of_value
from shardplan.errors import InputError
from shardplan.explain.numbers.device_detail import device_detail
from shardplan.explain.numbers.explain import explain
from shardplan.explain.numbers.study import Study
from shardplan.explain.numbers.table_detail import table_detail
from shardplan.plan.decision import Decision
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.spec.matching import TableNameError


def test_the_tables_of_a_device_and_the_constants_make_up_its_time_in_each_phase(study):
    """The plan's own seconds per rank are summed up elsewhere, by another route."""
    constants = [phase.constant_seconds for phase in study.case.cost_model.phases]
    for rank in range(4):
        spent = study.ledger.seconds_on(rank).sum(axis=0) + constants
        np.testing.assert_allclose(spent, study.rank_seconds[rank], rtol=1e-8)


def test_the_tables_of_a_device_and_its_base_make_up_its_memory(study):
    for rank in range(4):
        detail = device_detail(study, rank)
        held = sum(table.memory_bytes.hbm for table in detail.tables) + detail.base_bytes
        assert held == pytest.approx(detail.line.hbm.used_bytes, abs=len(detail.tables) + 1)


def test_the_totals_of_tables_are_the_sums_over_devices(study):
    found = explain(study)
    over_devices = dict.fromkeys((line.name for line in found.tables), 0.0)
    for rank in range(4):
        for table in device_detail(study, rank).tables:
            over_devices[table.name] += table.seconds
    for line in found.tables:
        assert line.total_seconds == pytest.approx(over_devices[line.name], rel=1e-7)


def test_a_table_is_slowest_where_it_has_two_of_its_column_shards(study):
    line = table_detail(study, "item_id").line
    assert (line.slowest_rank, line.ranks, line.device_count) == (1, "0-2", 3)
    assert line.total_seconds == pytest.approx(2 * line.slowest_seconds, rel=1e-7)


def test_the_shares_of_what_the_step_waits_for_add_up_to_the_step(study):
    found = explain(study)
    shares = sum(phase.share for phase in found.phases) + found.dense_seconds / found.step_seconds
    assert shares == pytest.approx(1, abs=1e-7)
    assert [phase.name for phase in found.phases if phase.is_hidden] == ["ids_comm"]


def test_each_phase_names_its_slowest_device_and_what_that_device_does(study):
    for position, phase in enumerate(explain(study).phases):
        seconds = study.rank_seconds[:, position]
        assert phase.seconds == seconds.max()
        if phase.seconds:
            assert phase.imbalance == pytest.approx(seconds.max() / seconds.mean(), rel=1e-6)
        if phase.rank is None:
            assert seconds.max() == pytest.approx(seconds.min(), rel=1e-6)
        else:
            assert seconds[phase.rank] == seconds.max()
            spent = sum(culprit.seconds for culprit in phase.tables) + phase.constant_seconds
            assert spent <= phase.seconds * (1 + 1e-6)


def test_a_phase_longer_than_the_rest_of_the_step_hides_the_rest():
    """With a slow NIC and many ids of narrow rows, the step waits for the exchange of ids."""
    resolved = small_case().resolved
    topology = resolved["topology"] | {"nics": {"count": 2, "rate": "10MB/s"}}
    tables = [{"name": "t", "rows": 10, "dim": 4, "pooling": 10_000}]
    slow = case_of_value(resolved | {"topology": topology, "tables": tables}, "resolved")
    only = Decision(0, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (3,))
    found = explain(Study.of(plan_of(slow, (only,)), "plan.json"))
    assert found.is_dense_hidden
    assert [phase.name for phase in found.phases if not phase.is_hidden] == ["ids_comm"]
    assert found.phases[0].share == pytest.approx(1)


def test_notes_speak_of_column_shards_idle_tables_and_the_clock(study):
    adagrad, idle, clock = explain(study).notes
    assert "item_id, unused, query, cut by columns" in adagrad
    assert idle.startswith("unused has no lookups")
    assert "--node-limit" in clock


def test_exact_updates_need_no_note():
    case = small_case()
    value = case.resolved | {"training": case.resolved["training"] | {"optimizer": "sgd"}}
    other = case_of_value(value, "resolved")
    notes = explain(Study.of(plan_of(other), "plan.json")).notes
    assert not any("Adagrad" in note for note in notes)


def test_a_plan_without_its_spec_cannot_be_explained():
    plan = plan_of(small_case()).model_copy(update={"resolved": None})
    with pytest.raises(InputError, match="holds no spec of its own"):
        Study.of(plan, "plan.json")


def test_a_plan_that_lacks_a_table_cannot_be_explained():
    plan = plan_of(small_case())
    lacking = {"sparse.ebc": plan.plan["sparse.ebc"]}
    with pytest.raises(InputError, match="does not hold every table"):
        Study.of(plan.model_copy(update={"plan": lacking}), "plan.json")


def test_a_plan_with_a_rank_too_few_cannot_be_explained():
    plan = plan_of(small_case())
    forecast = plan.prediction.model_copy(update={"ranks": plan.prediction.ranks[:3]})
    with pytest.raises(InputError, match=r"prediction\.ranks"):
        Study.of(plan.model_copy(update={"prediction": forecast}), "plan.json")


@pytest.mark.parametrize("rank", [-1, 4])
def test_there_is_no_detail_of_a_rank_that_is_not_there(study, rank):
    with pytest.raises(IndexError):
        device_detail(study, rank)


def test_there_is_no_detail_of_an_unknown_table(study):
    with pytest.raises(TableNameError, match="no table 'nobody'"):
        table_detail(study, "nobody")
