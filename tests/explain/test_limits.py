"""What holds the step up, on plans where it is known."""

from __future__ import annotations

import pytest
from explain_cases import DECISIONS, case_with_links, plan_of, small_case

from shardplan.explain.numbers.explain import explain
from shardplan.explain.numbers.study import Study
from shardplan.plan.decision import Decision
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType


def limits_of(decisions, case=None):
    case = case or small_case()
    found = explain(Study.of(plan_of(case, decisions), "plan.json"))
    return {sentence.split(":")[0]: sentence for sentence in found.limits}, found


ROW_WISE = tuple(Decision(index, ShardingType.ROW_WISE, Kernel.FUSED) for index in range(8))


@pytest.fixture(scope="module")
def heavy_on_one():
    """History, by far the most looked up, whole on rank 2, and nothing else but small tables."""
    history = Decision(3, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (2,))
    return limits_of((*DECISIONS[:3], history, *DECISIONS[4:]))


def test_a_shard_that_is_most_of_a_phase_is_named(heavy_on_one):
    sentences, found = heavy_on_one
    update = next(phase for phase in found.phases if phase.name == "update_backward")
    assert update.tables[0].table == "history"
    assert "a single shard of history" in sentences["update_backward"]
    assert "on rank 2" in sentences["update_backward"]


def test_equally_busy_devices_wait_for_the_hardware():
    sentences, _ = limits_of(ROW_WISE, case_with_links("400GB/s"))
    assert "all devices are equally busy (max/mean 1.00)" in sentences["output_comm"]
    assert "nic:0.0 -> core" in sentences["output_comm"]
    assert "a faster device" in sentences["update_backward"]


def test_a_reduce_scatter_waits_for_its_own_link():
    """Of rows over all devices each NIC carries a part; of an all-to-all its device's own."""
    sentences, _ = limits_of(ROW_WISE, case_with_links("15GB/s"))
    for phase in ("output_comm", "gradient_comm"):
        assert "a faster link than device:0 -> switch:0 (15 GB/s)" in sentences[phase]


def test_the_link_is_that_of_the_level_that_the_cost_model_waits_for():
    """By the rates of links alone it would be the NIC, at 10 GB/s; the measured curve is slower."""
    whole = tuple(
        Decision(index, ShardingType.COLUMN_WISE, Kernel.FUSED, 4, (0, 1, 2, 3))
        for index in range(len(DECISIONS))
    )
    sentences, _ = limits_of(whole, case_with_links("30GB/s"))
    assert "a faster link than device:0 -> switch:0 (30 GB/s)" in sentences["output_comm"]


def test_ids_that_the_step_waits_for_have_their_link():
    sentences, _ = limits_of(ROW_WISE, case_with_links("2GB/s", pipeline="none"))
    assert "a faster link than device:0 -> switch:0 (2 GB/s)" in sentences["ids_comm"]


def test_torchrecs_phases_name_their_links():
    sentences, _ = limits_of(ROW_WISE, case_with_links("15GB/s", cost_model="torchrec"))
    assert "a faster link than device:0 -> switch:0 (15 GB/s)" in sentences["output_comm"]


def test_the_dense_part_is_told_with_its_share(heavy_on_one):
    sentences, found = heavy_on_one
    share = found.dense_seconds / found.step_seconds
    assert f"{100 * share:.1f}% of the step" in sentences["dense"]


def test_the_longest_phase_comes_first(heavy_on_one):
    sentences, found = heavy_on_one
    shares = {phase.name: phase.share for phase in found.phases}
    named = [shares[name] for name in sentences if name in shares]
    assert named == sorted(named, reverse=True)
    assert all(share >= 0.05 for share in named)
