"""What modules of each kind allow, by which options, specs and ``verify`` go alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shardplan import load, plan, verify
from shardplan.errors import Infeasible, InputError, Interrupted, NoPlanFound
from shardplan.options import limits
from shardplan.options.enumerate import enumerate_options
from shardplan.options.offer import Offer
from shardplan.planning.cases.best_of import best_of
from shardplan.planning.cases.widths import OpenWidth, cases_by_width, of_one_width
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType
from shardplan.sharding.world import World
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.workload.access import Uniform
from shardplan.workload.collection import Collection, CollectionKind
from shardplan.workload.dtype import Dtype
from shardplan.workload.module.id_map import IdMap
from shardplan.workload.table import Table
from shardplan.workload.training import Training
from shardplan.workload.workload import Workload

OFFER = Offer(frozenset({Kernel.DENSE, Kernel.FUSED}))
KINDS = {
    "bag": Collection(),
    "feature_processed": Collection(CollectionKind.FEATURE_PROCESSED),
    "sequence": Collection(CollectionKind.SEQUENCE, is_pooled=False),
    "managed_collision": Collection(CollectionKind.MANAGED_COLLISION, id_map=IdMap()),
}
ALLOWED = {
    "sequence": {"data_parallel", "table_wise", "column_wise", "row_wise"},
    "managed_collision": {"row_wise"},
}
SPEC = """
name: small
batch: {{local: 256}}
topology: dgx-h100
training: {{optimizer: adam}}
modules: {{ec: {{kind: {kind}}}}}
defaults: {{dim: 64, pooling: 20, module: ec}}
tables:
  - {{name: a, rows: 1_000_000}}
  - {{name: b, rows: 200_000}}
{rest}
"""


def written(tmp_path, rest="", kind="sequence"):
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.format(kind=kind, rest=rest), encoding="utf-8")
    return load(path)


def faults(tmp_path, rest="", kind="sequence"):
    with pytest.raises(InputError) as raised:
        written(tmp_path, rest, kind)
    return "\n".join(map(str, raised.value.diagnostics))


@pytest.mark.parametrize("kind", KINDS)
def test_a_module_is_offered_the_types_that_torchrec_shards_it_by(kind):
    table = Table(
        "t", "m", 1_000, 64, Dtype.FP32, ("f",), (5.0,), Uniform(), collection=KINDS[kind]
    )
    workload = Workload("test", (table,), 64, Training(exact_updates=False))
    options = enumerate_options(workload, World(8, 4), (), OFFER)
    found = {options.sharding_type(row).name for row in range(len(options))}
    assert found == ALLOWED.get(kind, {each.name for each in SHARDING_TYPES if each.is_torchrecs})


def test_a_managed_table_is_row_wise_on_a_single_device_as_well():
    table = Table(
        "t", "m", 1_000, 64, Dtype.FP32, ("f",), (5.0,), Uniform(),
        collection=KINDS["managed_collision"],
    )  # fmt: skip
    workload = Workload("test", (table,), 64, Training())
    options = enumerate_options(workload, World(1, 1), (), OFFER)
    assert [options.sharding_type(row) for row in range(len(options))] == [ShardingType.ROW_WISE]


def test_a_constraint_that_the_module_forbids_is_a_fault(tmp_path):
    found = faults(tmp_path, "constraints: [{tables: a, sharding: table_row_wise}]")
    assert "table 'a' is left no sharding type by constraints[0]" in found
    assert "sequence are data_parallel, table_wise, column_wise or row_wise alone" in found
    found = faults(
        tmp_path, "constraints: [{tables: a, sharding: table_wise}]", kind="managed_collision"
    )
    assert "managed_collision are row_wise alone" in found


def test_too_few_rows_for_the_only_type_are_told(tmp_path):
    case = written(tmp_path, "  - {name: c, rows: 5}", kind="managed_collision")
    with pytest.raises(Infeasible, match="managed_collision are row_wise alone"):
        plan(case)


def test_tables_of_a_sequence_have_one_dim(tmp_path):
    found = faults(tmp_path, "  - {name: c, rows: 100, dim: 32}")
    assert "table 'a' of the same module has 64 columns" in found
    assert written(tmp_path, "  - {name: c, rows: 100, dim: 32}", kind="bag")


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("  - {name: c, rows: 9, padding: {id: 9, share: 10%}}", "is no row of a table of 9 rows"),
        ("  - {name: c, rows: 9, cap: 3}", "its cap is less than its pooling"),
        ("  - {name: c, rows: 9, cap: [30, 30]}", "has 2 numbers for 1 features"),
        ("  - {name: c, rows: 9, padding: {share: 120%}}", "padding.share"),
    ],
)
def test_caps_and_padding_that_cannot_be_are_faults(tmp_path, rest, message):
    assert message in faults(tmp_path, rest)


def test_only_managed_modules_have_a_map_of_ids(tmp_path):
    rest = "modules: {ec: {kind: sequence, id_map: {policy: lru}}}"
    text = SPEC.format(kind="sequence", rest="").replace("modules: {ec: {kind: sequence}}", rest)
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="only of managed_collision there is a map"):
        load(path)


def test_only_hashed_maps_keep_numbers_of_rows(tmp_path):
    id_map = "id_map: {policy: lru, runtime_meta_dim: 1}"
    text = SPEC.format(kind=f"managed_collision, {id_map}", rest="")
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="a map of the policy lru keeps no such numbers"):
        load(path)
    path.write_text(text.replace("lru", "hash"), encoding="utf-8")
    assert load(path).workload.tables[0].collection.id_map.row_bytes == 16


def test_each_width_of_a_module_is_a_case_and_together_they_are_all(tmp_path):
    case = written(tmp_path)
    (module,) = OpenWidth.of_all(case)
    assert module.column_shards == (2, 4, 8)
    cases = cases_by_width(case)
    assert [each.constraints[-1].column_shards for each in cases] == [2, 4, 8]
    assert not OpenWidth.of_all(cases[0])
    assert of_one_width(case).constraints[-1].column_shards == 8
    pooled = written(tmp_path, kind="bag")
    assert cases_by_width(pooled) == (pooled,)
    assert of_one_width(pooled) is pooled


@pytest.fixture(scope="module")
def column_wise(tmp_path_factory):
    """A case, its plan, and a plan for each width."""
    demand = "constraints: [{tables: '*', sharding: column_wise}]"
    case = written(tmp_path_factory.mktemp("column_wise"), demand)
    quick = Settings("greedy")
    plans = [plan(each, quick) for each in cases_by_width(case)]
    return case, plan(case, quick), plans


def test_the_plan_is_the_best_of_all_widths_and_so_is_its_bound(column_wise):
    case, best, plans = column_wise
    objectives = [each.optimality.objective_seconds for each in plans]
    assert best.optimality.objective_seconds == min(objectives)
    bounds = [each.optimality.lower_bound_seconds for each in plans]
    assert best.optimality.lower_bound_seconds == min(bounds)
    assert verify(best, case) == ()
    assert verify(best) == ()


@pytest.mark.parametrize(
    ("failure", "termination"),
    [(NoPlanFound("late"), "time_limit"), (Interrupted("stopped"), "interrupted")],
)
def test_nothing_is_proven_where_a_width_was_not_planned(column_wise, failure, termination):
    case, _, plans = column_wise

    def make(each, *_):
        if each is None:
            raise failure
        return plans[0]

    found = best_of([case, None], make, Settings(), Reporter(), None)
    assert found.optimality.lower_bound_seconds == 0
    assert found.optimality.status == "feasible"
    assert found.optimality.termination == termination
    with pytest.raises(type(failure)):
        best_of([None, None], make, Settings(), Reporter(), None)


def test_a_width_without_any_plan_takes_nothing_from_the_bound(column_wise):
    case, _, plans = column_wise

    def make(each, *_):
        if each is None:
            raise Infeasible([])
        return plans[0]

    told = []
    found = best_of([None, case], make, Settings(), Reporter(), told.append)
    bound = plans[0].optimality.lower_bound_seconds
    assert found.optimality.lower_bound_seconds == bound


def test_two_widths_in_one_module_are_found(column_wise):
    case, _, (coarse, fine, _) = column_wise
    tables = coarse.plan["ec"] | {"b": fine.plan["ec"]["b"]}
    mixed = coarse.model_copy(update={"plan": {"ec": tables}})
    found = [str(finding) for finding in verify(mixed, case)]
    assert any("all of one width, not 16 and 32" in each for each in found)


def test_a_type_that_the_module_lacks_is_found(column_wise):
    case, best, _ = column_wise
    managed = tuple(
        replace(table, collection=KINDS["managed_collision"]) for table in case.workload.tables
    )
    other = replace(case, workload=replace(case.workload, tables=managed))
    found = [str(finding) for finding in verify(best, other)]
    assert any("managed_collision are row_wise alone" in each for each in found)


def test_widths_of_one_module_are_alike():
    assert limits.widths_fault([16, 16]) == limits.widths_fault([]) == ""
    assert "not 4 and 12" in limits.widths_fault([12, 4])


def test_a_width_that_is_proven_slower_is_left(column_wise):
    case, _, plans = column_wise
    least = min(plans, key=lambda each: each.optimality.objective_seconds)
    asked = []

    def make(each, limited, hears, tell):
        if each is None:
            asked.append(limited.should_stop())
            hears.bounded(least.optimality.objective_seconds * 2, "relaxation")
            asked.append(limited.should_stop())
            raise Interrupted("as it was asked to be")
        return least

    found = best_of([case, None], make, Settings(), Reporter(), None)
    assert asked == [False, True]
    assert found.optimality == least.optimality.model_copy(
        update={"status": found.optimality.status}
    )


def test_columns_of_a_tables_file_say_caps_and_padding(tmp_path):
    (tmp_path / "more.csv").write_text(
        "name,rows,pooling,cap,padding,features\nc,900,10;20,10;50,7:66%,c1;c2\n", encoding="utf-8"
    )
    table = written(tmp_path, "tables_file: more.csv").workload.tables[-1]
    assert table.caps == (10.0, 50.0)
    assert (table.padding.id, table.padding.share) == (7, 0.66)
