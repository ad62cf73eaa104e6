"""Dynamic tables at the border: specs, other programs' options, executors, models."""

from __future__ import annotations

import ast
import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from dynamic_case import job, table

from shardplan import Settings, plan, write_plan
from shardplan.cli.main import cli
from shardplan.convert.targets import TARGETS, converted
from shardplan.errors import InputError, PlanRefused
from shardplan.executor.planned.plan_view import view_plan
from shardplan.spec.tables.columns import read_cell

GREEDY = Settings(method="greedy")


@pytest.fixture(scope="module")
def found():
    """A plan with a cached container, a table of its own, and a plain one."""
    return plan(
        job(
            table("a", 20_000_000, {"dist": "hash_roundrobin"}, pooling=50),
            table("b", 10_000_000, {"dist": "hash_roundrobin"}),
            table("c", 5_000_000, {"mode": "host", "evict": "lfu"}),
            {"name": "plain", "rows": 1000},
            hbm="2GB",
        ),
        GREEDY,
    )


def test_options_of_dynamicemb_are_a_python_module(found):
    (assigned,) = [
        each
        for each in ast.parse(converted(found, "dynamicemb")).body
        if isinstance(each, ast.Assign)
    ]
    namespace = {
        "DynamicEmbTableOptions": dict,
        "DynamicEmbScoreStrategy": SimpleNamespace(TIMESTAMP="TIMESTAMP", LFU="LFU"),
    }
    code = compile(ast.Expression(assigned.value), "options", "eval")
    options = eval(code, namespace)
    assert options == json.loads(converted(found, "dynamicemb-json"))
    assert options["sparse.ebc"]["c"] == {
        "global_hbm_for_values": 0,
        "caching": False,
        "bucket_capacity": 128,
        "dist_type": "roundrobin",
        "score_strategy": "LFU",
    }
    assert options["sparse.ebc"].keys() == {"a", "b", "c"}
    entry = found.plan["sparse.ebc"]["a"].dynamic
    assert options["sparse.ebc"]["a"]["global_hbm_for_values"] == entry.global_hbm_for_values


def test_options_of_torcheasyrec_have_the_share_that_was_planned(found):
    """Single floats are rounded down, and dynamicemb up to the bucket that was meant."""
    text = converted(found, "torcheasyrec")
    entry = found.plan["sparse.ebc"]["a"].dynamic
    (line,) = [each for each in text.split("dynamicemb {")[1].splitlines() if "cache_load" in each]
    rows = int(entry.rows_per_rank * float(line.split(": ")[1]))
    assert -(-rows // 1024) * 1024 == entry.hbm_rows_per_rank
    assert text.count("dynamicemb {") == 3
    assert "planned with ids hash_roundrobin" in text


@pytest.mark.parametrize("target", TARGETS)
def test_names_cannot_leave_their_quotes(found, target):
    odd = found.model_copy(update={"name": 'x"\nimport os  # \u202e'})
    lines = [line for line in converted(odd, target).splitlines() if "import os" in line]
    assert all(line.startswith("#") for line in lines)


def test_a_plan_without_dynamic_tables_hands_nothing_out():
    plain = plan(job({"name": "plain", "rows": 1000}), GREEDY)
    with pytest.raises(InputError, match="no dynamic table"):
        converted(plain, "dynamicemb")


def test_the_command_writes_what_the_library_says(found, tmp_path):
    write_plan(found, tmp_path / "plan.json")
    result = CliRunner().invoke(
        cli, ["convert", str(tmp_path / "plan.json"), "--to", "torcheasyrec"]
    )
    assert result.exit_code == 0
    assert result.stdout == converted(found, "torcheasyrec")


def test_executors_refuse_dynamic_tables_by_name(found):
    with pytest.raises(PlanRefused, match="a, b, c are dynamic tables") as refused:
        view_plan(found)
    assert "shardplan convert" in str(refused.value)


def test_a_module_of_dynamicemb_is_refused_as_such():
    """Told by its class, as all sparse modules are; needs no dynamicemb."""
    torch = pytest.importorskip("torch")
    from shardplan.model.sparse_modules import sparse_modules
    from shardplan.model.unplanned import unplanned

    batched = type(
        "BatchedDynamicEmbeddingTablesV2",
        (torch.nn.Module,),
        {"__module__": "dynamicemb.batched_dynamicemb_tables"},
    )
    model = torch.nn.Sequential(batched())
    (fault,) = unplanned(sparse_modules(model), "model")
    assert "BatchedDynamicEmbeddingTablesV2: dynamic tables" in fault.message
    assert "dynamic: auto" in fault.hint


def test_a_cell_of_a_tables_file_is_a_mode():
    assert read_cell("dynamic", "caching") == "caching"


@pytest.mark.parametrize(
    ("first", "second", "fault"),
    [
        ("auto", "caching", "has the mode auto in the same container"),
        ("hbm", "host", "has the mode hbm in the same container"),
        ({"mode": "caching", "hbm_for_values": "1GB"}, "caching", "has an hbm_for_values"),
        ("caching", {"mode": "caching", "hbm_for_values": "1GB"}, "has no hbm_for_values"),
        ("auto", {"mode": "hbm", "hbm_for_values": "5%"}, "all values are in HBM"),
        ("auto", {"bucket": 100}, "multiple of 16"),
        ("auto", "cached", "must be one of"),
    ],
)
def test_what_does_not_fit_together_is_told(first, second, fault):
    with pytest.raises(InputError) as told:
        job(table("a", 1000, first), table("b", 1000, second))
    assert fault in str(told.value)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("caching", "host"),
        ("auto", {"mode": "host", "dist": "continuous"}),
        ({"mode": "caching", "hbm_for_values": "1GB"}, "hbm"),
    ],
)
def test_tables_of_other_containers_may_be_otherwise(first, second):
    job(table("a", 1000, first), table("b", 1000, second))


def test_a_single_hot_id_is_told():
    """Of sixteen devices, one that draws an eighth: 16 / 8 and 7 / 8 of what the others have."""
    from shardplan.explain.advice.advice import notes

    access = {"cdf": [[1 / 1_000_000, 0.125], [1.0, 1.0]]}
    case = job(table("hot", 1_000_000, "hbm", access=access, pooling=10), table("a", 1000, "hbm"))
    (told,) = [note for note in notes(plan(case, GREEDY), case) if "one id of" in note]
    assert "one id of hot draws 12.5% of its lookups" in told
    assert "2.9 times the mean" in told


@pytest.mark.filterwarnings("ignore")
def test_torchrec_refuses_dynamic_tables_by_name(found):
    pytest.importorskip("torchrec")
    from shardplan.executor.torchrec.mismatch import dynamic_faults

    (fault,) = dynamic_faults(found)
    assert "a, b, c are dynamic tables" in fault.message
    assert "shardplan convert" in fault.hint
