"""Hot rows on every device, from the spec to the plan and what is told of it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from random_specs import TOPOLOGY

from shardplan import Settings, plan, verify
from shardplan.build_case import case_of_value
from shardplan.errors import Infeasible, InputError
from shardplan.explain.numbers.study import Study
from shardplan.explain.numbers.table_detail import table_detail
from shardplan.explain.render.terminal import render_terminal
from shardplan.explain.report.detail_report import table_report
from shardplan.explain.report.diff_report import diff_report
from shardplan.options.hot_rows import HOT_ROWS
from shardplan.plan.diff.plan_diff import diff_plans
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.planning.formulate import formulate

EXAMPLES = Path(__file__).parents[1] / "examples"
SETTINGS = Settings(gap=0.01, node_limit=50)


def spec(*constraints: dict[str, Any], hot_rows: bool = True, **table: Any) -> dict[str, Any]:
    """Two tables on two nodes of two devices; of the first all hot ids are known."""
    of_first = {"name": "a", "rows": 50_000, "hot_ids": 20_000, **table}
    return {
        "batch": {"local": 4_096},
        "topology": copy.deepcopy(TOPOLOGY),
        "training": {"optimizer": "sgd", **({"hot_rows": True} if hot_rows else {})},
        "defaults": {"dim": 64, "access": {"zipf": 1.05}},
        "tables": [of_first, {"name": "b", "rows": 30_000}],
        "constraints": list(constraints),
    }


def by_rows(hot_rows: int) -> dict[str, Any]:
    """A constraint: so many, and the others of the first table cut by rows."""
    return {"tables": "a", "hot_rows": hot_rows, "sharding": "hot_row_wise"}


def counts(of: dict[str, Any]) -> dict[int, set[int]]:
    """By table, how many hot rows it is offered with."""
    options = formulate(case_of_value(of, "s")).options
    found: dict[int, set[int]] = {}
    for table, hot_rows in zip(options.table.tolist(), options.hot_rows.tolist(), strict=True):
        if hot_rows:
            found.setdefault(table, set()).add(hot_rows)
    return found


def test_numbers_of_hot_rows_are_offered_whose_coldest_is_read_once_a_step() -> None:
    """16,384 ids a step; by hand the 1,500th row of 50,000 still draws one of them."""
    chances = [rank**-1.05 for rank in range(1, 50_001)]
    total = sum(chances)
    reads = [4 * 4_096 * chance / total for chance in chances]
    paying = {n for n in HOT_ROWS if n < 20_000 and reads[n] >= 1}
    assert paying == {16, 64, 256, 1_024}
    assert counts(spec()) == {0: paying}
    assert counts(spec(hot_ids=100)) == {0: {16, 64, 100}}
    assert counts(spec({"tables": "a", "hot_rows": 5_000})) == {0: {5_000}}


@pytest.mark.parametrize(
    "of",
    [
        spec(hot_rows=False),
        spec(hot_ids=None),
        spec(padding={"id": 0, "share": "50%"}),
        spec() | {"cost_model": "torchrec"},
        spec() | {"modules": {"sparse.ebc": {"kind": "sequence"}}},
    ],
)
def test_hot_rows_are_not_offered_where_they_cannot_be_kept_or_priced(of: dict[str, Any]) -> None:
    assert counts(of) == {}


def test_what_bars_a_pinned_number_of_hot_rows_is_said() -> None:
    pin = {"tables": "a", "hot_rows": 5_000}
    for of, words in (
        (spec(pin, hot_ids=4_000), "5,000 hot rows of a table of which 4,000 can be"),
        (spec(pin | {"sharding": "hot_row_wise"}, hot_rows=False), "training.hot_rows"),
    ):
        with pytest.raises((Infeasible, InputError), match=words):
            plan(case_of_value(of, "s"), SETTINGS)
    with pytest.raises(Infeasible) as caught:
        plan(case_of_value(spec(pin, hot_rows=False), "s"), SETTINGS)
    (short,) = caught.value.shortfalls
    assert "with training.hot_rows, a could be hot_row_wise" in short.remedy
    with pytest.raises(InputError, match="no more of them can be hot"):
        case_of_value(spec(hot_ids=60_000), "s")


def test_a_plan_keeps_as_many_hot_rows_as_are_pinned_and_verify_counts_them() -> None:
    case = case_of_value(spec(by_rows(5_000)), "s")
    made = plan(case, SETTINGS)
    assert verify(made) == ()
    text = render(made)
    assert parse_plan(text, "p") == made
    file = json.loads(text)
    entry = file["plan"]["sparse.ebc"]["a"]
    assert (entry["sharding_type"], entry["replicated_rows"]) == ("hot_row_wise", 5_000)
    assert "replicated_rows" not in file["plan"]["sparse.ebc"]["b"]
    for changed, words in (
        (4_999, "the spec pins 5,000"),
        (30_000, "of which 20,000 can be at most"),
        (None, "does not say how many replicated_rows"),
    ):
        entry["replicated_rows"] = changed
        if changed is None:
            del entry["replicated_rows"]
        edited = parse_plan(json.dumps(file), "p")
        assert any(words in finding.message for finding in verify(edited, case)), words
        assert not diff_plans(made, edited, case).is_empty


def test_a_diff_tells_numbers_of_hot_rows_apart() -> None:
    cases = [case_of_value(spec(by_rows(n)), "s") for n in (500, 2_000)]
    old, new = (plan(case, SETTINGS) for case in cases)
    shown = render_terminal(diff_report(diff_plans(old, new, cases[1])), width=200)
    assert "hot_row_wise x4 (500 hot) fused on 0-3" in shown
    assert "hot_row_wise x4 (2,000 hot) fused on 0-3" in shown


@pytest.mark.parametrize("kind", ["hot_table_wise", "hot_column_wise", "hot_table_row_wise"])
def test_the_others_may_lie_on_single_devices_and_nodes(kind: str) -> None:
    case = case_of_value(spec({"tables": "a", "hot_rows": 5_000, "sharding": kind}), "s")
    made = plan(case, SETTINGS)
    assert verify(made) == ()
    entry = made.plan["sparse.ebc"]["a"]
    assert (entry.sharding_type.name, entry.replicated_rows) == (kind, 5_000)
    assert len(set(entry.ranks)) < 4 or kind == "hot_column_wise"
    (copied,) = [e for e in made.prediction.charges if e.group == "5,000 hot rows of a"]
    assert {"lookup_forward", "update_backward", "all_reduce"} == set(copied.phases)
    for constraint, words in (
        ({"tables": "a", "ranks": [0, 1]}, "takes all 4 ranks"),
        ({"tables": "*", "apart": True}, "keeps tables apart"),
    ):
        of = spec({"tables": "a", "sharding": kind}, constraint)
        with pytest.raises((Infeasible, InputError), match=words):
            plan(case_of_value(of, "s"), SETTINGS)


def test_hot_rows_beside_units_are_offered_where_memory_has_room_for_copies() -> None:
    def kinds(of: dict[str, Any]) -> set[str]:
        options = formulate(case_of_value(of, "s")).options
        return {options.sharding_type(n).name for n in range(len(options))}

    ample, scarce = spec(), spec()
    scarce["topology"]["device"]["hbm"]["capacity"] = "30MB"
    scarce["tables"][1]["rows"] = 200_000
    assert {"hot_table_wise", "hot_column_wise", "hot_row_wise"} <= kinds(ample)
    assert not {"hot_table_wise", "hot_column_wise"} & kinds(scarce)
    scarce["constraints"] = [{"tables": "a", "sharding": "hot_table_wise", "hot_rows": 64}]
    assert "hot_table_wise" in kinds(scarce)


def test_ids_by_frequency_need_no_list_of_those_that_are_hot() -> None:
    assert counts(spec(ids="by_frequency", hot_ids=None)) == {0: {16, 64, 256, 1_024}}
    for kind in ("hot_row_wise", "hot_table_wise"):
        pin = {"tables": "a", "sharding": kind, "hot_rows": 1_024}
        case = case_of_value(spec(pin, ids="by_frequency", hot_ids=None), "s")
        made = plan(case, Settings("greedy"))
        assert verify(made) == ()
        assert made.plan["sparse.ebc"]["a"].sharding_type.name == kind


def test_a_job_that_cannot_keep_hot_rows_is_told_by_verify() -> None:
    made = plan(case_of_value(spec(by_rows(500)), "s"), SETTINGS)
    of = spec(hot_rows=False)
    messages = [finding.message for finding in verify(made, case_of_value(of, "s"))]
    assert any("is hot_row_wise: the native engine alone" in each for each in messages)


def test_explain_says_how_many_ids_stay_where_they_are() -> None:
    made = plan(case_of_value(spec(by_rows(500)), "s"), SETTINGS)
    detail = table_detail(Study.of(made, "plan"), "a")
    chances = [rank**-1.05 for rank in range(1, 50_001)]
    assert detail.hot_share == pytest.approx(sum(chances[:500]) / sum(chances), rel=1e-3)
    rows = {row[0]: row[1] for row in table_report(detail).sections[0].grid.rows}
    assert rows["sharding"] == "hot_row_wise (500 hot)"
    assert rows["hot rows"].startswith("500 on every device: 6")
    assert rows["hot rows"].endswith("% of the ids stay on the device that has the sample")


def test_dlrm_v1_on_8_nodes_is_faster_than_any_plan_without_hot_rows() -> None:
    """NVIDIA's MLPerf submissions kept hot rows on all devices, and took 0.61 ms."""
    of = yaml.safe_load((EXAMPLES / "dlrm_v1.yaml").read_text())
    of["topology"] = {"name": "dgx-a100-80", "nodes": 8}
    of["batch"] = {"global": 71_680}
    without = plan(case_of_value(of, "s"), Settings(gap=0.05, time_limit_seconds=30))
    of["training"]["hot_rows"] = True
    for table in of["tables"]:
        table["hot_ids"] = table["rows"]
    made = plan(case_of_value(of, "s"), Settings(gap=0.005, time_limit_seconds=30))
    assert verify(made) == ()
    assert any(each.sharding_type.keeps_hot_rows for each in made.plan["sparse.ebc"].values())
    assert made.prediction.step_seconds < without.optimality.lower_bound_seconds
    # As docs/cost-model.md has it.
    assert made.prediction.step_seconds == pytest.approx(1.32e-3, abs=5e-6)
    assert made.prediction.dense_seconds == pytest.approx(0.46e-3, abs=5e-6)
    assert without.optimality.lower_bound_seconds > 1.4e-3
