"""A spec that names a framework, from its faults to the plan's explanation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from shardplan import Settings, explain, load, plan, verify
from shardplan.build_case import build_case, case_of_value
from shardplan.cli.main import cli
from shardplan.cost.select import read_framework
from shardplan.errors import InputError
from shardplan.plan.decision import Decision
from shardplan.plan.predict import predict
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.spec.catalog.catalog import Kind, names
from shardplan.spec.catalog.source import named_source
from shardplan.spec.load import load_spec

MINE = {
    "name": "mine",
    "devices": "gpu",
    "ids_comm": {"per_group": "2ms"},
    "output_comm": {"per_group": {"value": "3ms", "provenance": "estimated", "source": "here"}},
    "host": {"per_step": "20ms", "per_group": "5ms"},
    "sources": {"here": "a test"},
}


def value(**training):
    return {
        "name": "small",
        "batch": {"local": 512},
        "topology": {"name": "dgx-a100", "nodes": 1},
        "training": training,
        "tables": [{"name": f"t{n}", "rows": 100_000, "dim": 64} for n in range(4)],
    }


def faults(tmp_path, **training):
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(value(**training)))
    with pytest.raises(InputError) as error:
        build_case(load_spec(str(path)))
    return [str(each) for each in error.value.diagnostics]


def predicted(case, *kinds):
    """The step and its phases where the tables are sharded so, table-wise ones in turn."""
    whole = ShardingType.TABLE_WISE
    decisions = [
        Decision(table, kind, Kernel.FUSED, 1, (table,) if kind is whole else ())
        for table, kind in enumerate(kinds)
    ]
    found = predict(case, decisions)
    names = [phase.name for phase in found.phases]
    return found.step_seconds, dict(zip(names, found.phase_seconds, strict=True))


def test_a_name_that_no_framework_has_is_told_with_its_place_and_the_nearest(tmp_path):
    (fault,) = faults(tmp_path, framework="torchrec-eagre")
    assert "training.framework: unknown framework 'torchrec-eagre'" in fault
    assert "did you mean 'torchrec-eager'?" in fault


def test_figures_of_other_devices_are_refused(tmp_path):
    (fault,) = faults(tmp_path, framework={"name": "torchrec-gloo"})
    assert "training.framework: the figures of torchrec-gloo are of a cpu" in fault


def test_faults_of_a_framework_and_of_the_rest_are_told_at_once(tmp_path):
    wrong = MINE | {"host": {"per_step": "20", "per_stp": "1ms"}}
    found = faults(tmp_path, framework=wrong, overhead_ms=-1)
    assert any("training.overhead_ms" in fault for fault in found)
    found = faults(tmp_path, framework=wrong)
    assert any("training.framework.host.per_step" in fault for fault in found)
    assert any("training.framework.host.per_stp: unknown key" in fault for fault in found)


def test_a_framework_at_a_path_is_found_beside_the_spec(tmp_path):
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(MINE))
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(value(framework={"path": "mine.yaml"})))
    assert build_case(load_spec(str(path))).pricing.framework == MINE


def test_a_resolved_spec_carries_the_framework_and_means_the_same():
    case = load(value(framework="torchrec-eager"))
    assert case.resolved["training"]["framework"]["name"] == "torchrec-eager"
    again = case_of_value(case.resolved, "again")
    assert again.resolved == case.resolved
    assert again.cost_model.phases == case.cost_model.phases


def test_a_spec_without_a_framework_says_nothing_of_one():
    training = load(value()).resolved["training"]
    assert training.keys().isdisjoint({"framework", "overhead_ms"})


def test_the_step_is_as_long_as_the_host_where_the_devices_are_faster():
    step, phases = predicted(load(value(framework=MINE)), *[ShardingType.TABLE_WISE] * 4)
    assert phases["host"] == pytest.approx(25e-3)
    assert step == pytest.approx(25e-3)


def test_the_host_hides_where_the_devices_are_slower():
    dense = {"forward_ms": 30.0}
    step, phases = predicted(
        load(value(framework=MINE, dense=dense)), *[ShardingType.TABLE_WISE] * 4
    )
    critical = ("lookup_forward", "output_comm", "gradient_comm", "update_backward", "all_reduce")
    assert step == pytest.approx(30e-3 + sum(phases[name] for name in critical))
    assert phases["output_comm"] > 3e-3


def test_a_further_sharding_type_is_paid_for_once_in_each_phase():
    case = load(value(framework=MINE))
    whole, rows = ShardingType.TABLE_WISE, ShardingType.ROW_WISE
    _, one = predicted(case, whole, whole, whole, whole)
    _, two = predicted(case, whole, whole, whole, rows)
    _, more = predicted(case, whole, whole, rows, rows)
    assert two["host"] - one["host"] == pytest.approx(5e-3)
    assert more["host"] == two["host"]
    assert two["ids_comm"] - one["ids_comm"] == pytest.approx(2e-3, rel=0.05)
    assert two["output_comm"] - one["output_comm"] == pytest.approx(3e-3, rel=0.05)


def test_an_overhead_hides_behind_nothing():
    kinds = [ShardingType.TABLE_WISE] * 4
    before, _ = predicted(load(value()), *kinds)
    after, phases = predicted(load(value(overhead_ms=1.5)), *kinds)
    assert phases["overhead"] == 1.5e-3
    assert after - before == pytest.approx(1.5e-3)


def test_a_plan_with_a_framework_is_verified_and_explained_from_its_file_alone():
    best = plan(load(value(framework=MINE, overhead_ms=1.0)), Settings(method="greedy"))
    assert verify(best) == ()
    assert best.optimality.objective_seconds == best.prediction.step_seconds
    found = explain(best)
    assert found.framework == "mine"
    assert {"host", "overhead"} <= {line.name for line in found.phases}
    assert np.isclose(best.prediction.phases["host"], 25e-3)


def test_an_explanation_says_where_no_frameworks_costs_are_counted():
    assert explain(plan(load(value()), Settings(method="greedy"))).framework is None


@pytest.mark.parametrize("name", names(Kind.FRAMEWORK))
def test_every_shipped_figure_says_how_it_is_known_and_where_it_is_from(name):
    file = read_framework(named_source(Kind.FRAMEWORK, name, Path()))
    assert file.name == name
    unsaid = [path for path, each in file.figures() if not (each.provenance and each.source)]
    assert unsaid == []
    assert set(file.sources) == {each.source for _, each in file.figures()}


def test_list_shows_frameworks_and_the_figures_of_one():
    listed = CliRunner().invoke(cli, ["list", "frameworks"])
    assert listed.exit_code == 0
    assert [name for name in names(Kind.FRAMEWORK) if name not in listed.stdout] == []
    shown = CliRunner().invoke(cli, ["list", "frameworks", "--show", "torchrec-eager"])
    assert "host.per_group" in shown.stdout
    unknown = CliRunner().invoke(cli, ["list", "frameworks", "--show", "torchrec-eagre"])
    assert unknown.exit_code == 2
    assert "unknown framework 'torchrec-eagre'" in unknown.stderr


@pytest.mark.parametrize(
    ("key", "written", "what"),
    [
        ("optimizers", "adagrd", "unknown optimizer 'adagrd'"),
        ("types", "row_wyse", "unknown sharding type 'row_wyse'"),
    ],
)
def test_terms_of_what_does_not_exist_are_faults(tmp_path, key, written, what):
    terms = {"update_backward": {key: {written: {"per_id": "1ns"}}}}
    (fault,) = faults(tmp_path, framework=MINE | terms)
    assert f"training.framework.update_backward.{key}" in fault
    assert what in fault
    assert "did you mean" in fault
