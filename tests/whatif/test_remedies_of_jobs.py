"""What gives a plan to jobs with sequences, maps of ids, dynamic tables, pins and groups."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from shardplan.build_case import case_of_value
from shardplan.cli.solving.advice import with_advice
from shardplan.errors import Infeasible
from shardplan.planning.planner import make_plan
from shardplan.solve.deadline import Deadline
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.whatif.conflict import conflict
from shardplan.whatif.remedies.remedies import remedies
from shardplan.whatif.trials import Trials


def spec(**keys: Any) -> dict[str, Any]:
    return {
        "batch": {"local": 64}, "topology": {"name": "dgx-h100", "nodes": 1},
        "training": {"optimizer": "sgd"}, "defaults": {"dim": 128, "module": "m"},
    } | keys  # fmt: skip


CAPPED = spec(
    batch={"local": 512},
    modules={"m": {"kind": "sequence"}},
    tables=[{"name": "past", "rows": 10**6, "pooling": 2000, "cap": 10**6}],
)
EVICTED = spec(
    modules={"m": {"kind": "managed_collision", "id_map": {"eviction_interval": 800_000}}},
    tables=[{"name": "raw", "rows": 10**6, "pooling": 1000}],
)
HISTORIES = spec(
    modules={"m": {"kind": "sequence"}},
    batch={"local": 2**18},
    tables=[{"name": "past", "rows": 10**5, "pooling": 500}],
)
IN_HBM = spec(tables=[{"name": "grows", "rows": 2 * 10**9, "dynamic": {"mode": "hbm"}}])
GROUPS = spec(
    topology={"name": "dgx-h100", "nodes": 4},
    training={"optimizer": "sgd", "replicas": {"groups": 4}},
    tables=[{"name": f"t{i}", "rows": 15 * 10**8} for i in range(4)],
)
PINNED = spec(
    tables=[{"name": "large", "rows": 15 * 10**8}],
    constraints=[{"tables": "large", "sharding": "row_wise", "hbm_only": True}],
)
WIDTHS = spec(
    modules={"m": {"kind": "sequence"}},
    tables=[{"name": name, "rows": 10**5} for name in "ab"],
    constraints=[{"tables": "a", "column_shards": 2}, {"tables": "b", "column_shards": 4}],
)


def trials(value: dict[str, Any]) -> Trials:
    return Trials(case_of_value(copy.deepcopy(value), "spec"), Deadline.after(60))


def changed(value: dict[str, Any], path: str, to: Any) -> dict[str, Any]:
    """The spec with another value at a path of keys and positions, or without it."""
    found = at = copy.deepcopy(value)
    *before, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    for key in before:
        at = at[key]
    at[last] = to
    if to is None:
        del at[last]
    return found


@pytest.mark.parametrize(
    ("value", "words", "path", "to", "not_yet"),
    [
        (
            CAPPED,
            "a cap 1/16 as high, or the pooling where that is more, of past",
            *("tables.0.cap", 62_500, 125_000),
        ),
        (
            EVICTED,
            "an eviction_interval of 100,000 of m",
            *("modules.m.id_map.eviction_interval", 100_000, 200_000),
        ),
        (
            HISTORIES,
            "a batch of 65,536 samples on each device instead of 262,144",
            *("batch.local", 65_536, 131_072),
        ),
        (
            IN_HBM,
            "dynamic: {mode: auto}, without hbm_for_values, for grows",
            *("tables.0.dynamic", "auto", "hbm"),
        ),
        (
            GROUPS,
            "training.replicas.groups: 2 instead of 4",
            *("training.replicas.groups", 2, 4),
        ),
        (
            PINNED,
            "without hbm_only in constraints[0], for large",
            *("constraints.0.hbm_only", None, True),
        ),
        (
            WIDTHS,
            "without column_shards in constraints[1], for b",
            *("constraints", WIDTHS["constraints"][:1], WIDTHS["constraints"]),
        ),
    ],
    ids=["cap", "evictions", "batch", "mode", "groups", "pin", "widths"],
)
def test_the_largest_that_is_enough_is_told(value, words, path, to, not_yet):
    """With it there is a plan; with the next larger one there is none."""
    assert words in [remedy.words for remedy in remedies(trials(value))]
    assert trials(changed(value, path, to)).has_plan(
        lambda: case_of_value(changed(value, path, to), "spec")
    )
    assert not trials(value).has_plan(lambda: case_of_value(changed(value, path, not_yet), "spec"))


def test_a_constraint_keeps_what_else_it_asks_for():
    """Rows cut by rows or not, the table does not fit into HBM."""
    words = [remedy.words for remedy in remedies(trials(PINNED))]
    assert "without sharding in constraints[0], for large" not in words


def advised(value: dict[str, Any]) -> Infeasible:
    case = case_of_value(value, "spec")
    with pytest.raises(Infeasible) as caught:
        make_plan(case, Settings("greedy"), Reporter())
    return with_advice(caught.value, case, Deadline.after(60), lambda: False)


def test_where_no_change_helps_by_itself_none_is_promised():
    """The table is too large for any HBM, cut by columns or not, and each of two constraints says
    that it is to lie there."""
    demands = [{"tables": "large", "ranks": [0], "kernels": kernel} for kernel in ("fused",) * 2]
    value = spec(tables=[{"name": "large", "rows": 10**10}], constraints=demands)
    error = advised(value)
    assert error.remedies == ()
    assert [short.remedy.split(":")[0] for short in error.shortfalls] == ["more than one change"]


def test_facts_name_the_memory_that_is_short_and_modes_that_were_asked_for():
    """It is DDR, of which groups have their share."""
    tables = [{"name": "grows", "rows": 10**10, "dynamic": {"mode": "host"}}]
    assert conflict(trials(spec(tables=tables))) == (
        "table grows: 10,000,000,000 rows x 128 fp32, dynamic: host",
        "8 devices with 68.0 GiB of hbm each, 1 node with 1.6 TiB of ddr each, after reserve and "
        "the rest of the model",
    )
    assert "in each of 4 groups, after reserve" in conflict(trials(GROUPS))[-1]


@pytest.mark.parametrize(
    ("table", "keys", "words"),
    [
        (
            {"pooling": 20, "cap": 100},
            {"modules": {"m": {"kind": "sequence"}}},
            "20 of few (100 at most)",
        ),
        ({"pooling": 2000}, {}, "2,000 of few"),
        ({"pooling": 2, "num_poolings": 3000}, {}, "6,000 of few in 3,000 poolings"),
    ],
)
def test_facts_name_what_a_step_reads_where_small_tables_leave_no_plan(
    table: dict[str, Any], keys: dict[str, Any], words: str
) -> None:
    value = spec(tables=[{"name": "few", "rows": 1000, **table}], batch={"local": 65_536}, **keys)
    facts = conflict(trials(value))
    assert facts[1] == (
        f"a batch of 524,288 samples over all devices, each with so many ids: {words}"
    )
    fewer = changed(value, "batch.local", 64)
    assert trials(fewer).has_plan(lambda: case_of_value(fewer, "spec"))


def test_rows_enough_for_every_rank_are_told_where_rows_have_to_be_cut():
    """A map of ids is cut by rows alone: 9 over 8 ranks leave three without any, 15 none."""
    value = spec(modules={"m": {"kind": "managed_collision"}}, tables=[{"name": "raw", "rows": 9}])
    (short,) = advised(value).shortfalls
    assert short.remedy == "with 15 rows, raw could be row_wise"
    assert trials(value).has_plan(lambda: case_of_value(changed(value, "tables.0.rows", 15), "s"))
    assert not trials(value).has_plan(
        lambda: case_of_value(changed(value, "tables.0.rows", 14), "spec")
    )
