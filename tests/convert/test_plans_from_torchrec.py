"""Plans of TorchRec's planner, read from text and rated."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import groupby, product
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner

from shardplan.build_case import case_of_value
from shardplan.cli.main import cli
from shardplan.convert.from_torchrec.decisions import decisions_of
from shardplan.convert.from_torchrec.read_text import read_text
from shardplan.convert.from_torchrec.reading import Reading, readings
from shardplan.convert.from_torchrec.stated_world import StatedWorld
from shardplan.errors import InputError
from shardplan.explain.numbers.explain import explain
from shardplan.explain.numbers.study import Study
from shardplan.explain.report.appraisal_report import appraisal_report
from shardplan.plan.file.read import read_plan
from shardplan.plan.predict import predict
from shardplan.plan.verify import verify
from shardplan.sharding.kind import ShardingType
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.whatif.appraise import appraise
from shardplan.whatif.few_changes import _LEAST_GAIN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shardplan.case import Case
    from shardplan.plan.decision import Decision

PRINTED = """\
module: sparse.ebc

param | sharding type | compute kernel |   ranks
----- | ------------- | -------------- | ------------
a     | table_wise    | fused          | [0]
b     | column_wise   | fused          | [1, 0]
c     | row_wise      | fused          | [0, 1, 2, 3]
d     | data_parallel | dense          | [0, 1, 2, 3]

param | shard offsets | shard sizes | placement
----- | ------------- | ----------- | -------------
a     | [0, 0]        | [4000, 32]  | rank:0/cuda:0
b     | [0, 0]        | [900, 32]   | rank:1/cuda:1
b     | [0, 32]       | [900, 32]   | rank:0/cuda:0
c     | [0, 0]        | [250, 16]   | rank:0/cuda:0
c     | [250, 0]      | [250, 16]   | rank:1/cuda:1
c     | [500, 0]      | [250, 16]   | rank:2/cuda:2
c     | [750, 0]      | [250, 16]   | rank:3/cuda:3
"""
"""As TorchRec 1.8 prints a plan."""
LOGGED = """\
#   FQN            Sharding   Compute Kernel   Cache Load Factor   Emb Dim (CW Dim)   Ranks   #
#   -----        ----------   --------------   -----------------   ----------------   -----   #
#   sparse.ebc.a         TW            fused                None                 32       0   #
#   sparse.ebc.b         CW            fused                None            64 (32)     0-1   #
#   sparse.ebc.c         RW            fused                None                 16     0-3   #
#   sparse.ebc.d         DP            dense                None                  8     0-3   #
#                                                                                             #
"""
"""The columns that are read of what its EmbeddingStats logs."""


def value(**more: Any) -> dict[str, Any]:
    return {
        "name": "small",
        "batch": {"local": 512},
        "topology": {"name": "dgx-h100", "nodes": 1},
        "training": {"optimizer": "sgd"},
        "tables": [
            {"name": "a", "rows": 4000, "dim": 32, "pooling": 20},
            {"name": "b", "rows": 900, "dim": 64, "pooling": 9},
            {"name": "c", "rows": 1000, "dim": 16, "pooling": 5},
            {"name": "d", "rows": 60, "dim": 8},
        ],
    } | more


def case(**more: Any) -> Case:
    """On four devices of a node."""
    made = case_of_value(value(**more), "spec")
    topology = made.resolved["topology"] | {"devices_per_node": 4}
    return case_of_value(made.resolved | {"topology": topology}, "spec")


def as_json(text: str) -> str:
    """The same plan as TorchRec's own JSON has it."""
    tables: dict[str, Any] = {}
    for each in read_text(text, "text"):
        shards = [
            {
                "shard_offsets": list(shard.offsets),
                "shard_sizes": list(shard.sizes),
                "placement": f"rank:{shard.rank}/cuda:{shard.rank}",
            }
            for shard in each.shards
        ]
        tables[each.name] = {
            "sharding_type": each.sharding_type,
            "compute_kernel": each.compute_kernel,
            "ranks": list(each.ranks),
        } | ({"shards": shards} if shards else {})
    return json.dumps({"plan": {"sparse.ebc": tables}})


def test_a_printed_plan_becomes_decisions() -> None:
    found = decisions_of(read_text(PRINTED, "text"), case(), "text")
    assert [(str(each.sharding), each.column_shards, each.targets) for each in found] == [
        ("table_wise", 1, (0,)),
        ("column_wise", 2, (1, 0)),
        ("row_wise", 1, ()),
        ("data_parallel", 1, ()),
    ]


def test_json_says_the_same_as_the_printed_plan() -> None:
    printed, written = (
        decisions_of(read_text(text, "text"), case(), "text")
        for text in (PRINTED, as_json(PRINTED))
    )
    assert printed == written


def test_the_table_of_the_log_says_the_same_but_for_the_order_of_equal_shards() -> None:
    printed, logged = (
        decisions_of(read_text(text, "text"), case(), "text") for text in (PRINTED, LOGGED)
    )
    assert logged == (printed[0], replace(printed[1], targets=(0, 1)), *printed[2:])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("a     | table_wise", "z     | table_wise"), ["text:5: ", "a: a table of the spec is"]),
        (("[4000, 32]", "[4001, 32]"), ["text:5: ", "sparse.ebc.a"]),
        (("table_wise ", "hill_wise  "), ["text:5: ", "hill_wise"]),
        (("| fused          | [0]", "| quant          | [0]"), ["text:5: ", "quant"]),
        (("rank:3/cuda:3", "rank:9/cuda:1"), ["text:7: ", "ranks that 4 devices do not have"]),
        (("[0, 0]        | [4000, 32]", "[0, 0        | [4000, 32]"), ["text:12: "]),
    ],
    ids=["other table", "other rows", "other type", "other kernel", "other rank", "broken"],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(change: tuple[str, str], told: list[str]) -> None:
    text = PRINTED.replace(*change, 1)
    assert text != PRINTED
    with pytest.raises(InputError) as caught:
        decisions_of(read_text(text, "text"), case(), "text")
    for each in told:
        assert each in str(caught.value)


NODES = """\
#   FQN            Sharding   Compute Kernel   Cache Load Factor   Emb Dim (CW Dim)     Ranks   #
#   -----        ----------   --------------   -----------------   ----------------   -------   #
#   sparse.ebc.a         TW            fused                None                 32         0   #
#   sparse.ebc.b         GS            fused                None            64 (32)       0-7   #
#   sparse.ebc.c       TWRW            fused                None                 16       4-7   #
#   sparse.ebc.d         RW            fused                None                  8       0-7   #
"""
"""Of two nodes of four devices."""


def of_nodes(nodes: int, devices: int) -> Case:
    topology = case().resolved["topology"] | {"nodes": nodes, "devices_per_node": devices}
    return case_of_value(case().resolved | {"topology": topology}, "spec")


def test_a_table_of_the_log_is_read_with_its_nodes() -> None:
    found = decisions_of(read_text(NODES, "text"), of_nodes(2, 4), "text")
    assert [each.targets for each in found] == [(0,), (0, 1), (1,), ()]


@pytest.mark.parametrize(
    ("text", "world", "told"),
    [(NODES, (2, 8), "the plan has 8 ranks, 4 to a node; the spec has 16, 8 to a node"),
     (NODES, (1, 8), "the plan has 8 ranks, 4 to a node; the spec has 8, 8 to a node"),
     (PRINTED, (2, 4), "the plan has 4 ranks; the spec has 8, 4 to a node"),
     (LOGGED, (1, 2), "the plan has 4 ranks; the spec has 2, 2 to a node")],
    ids=["log", "nodes", "printed", "fewer"],
)  # fmt: skip
def test_a_plan_of_another_machine_is_refused_once(
    text: str, world: tuple[int, int], told: str
) -> None:
    with pytest.raises(InputError) as caught:
        decisions_of(read_text(text, "text"), of_nodes(*world), "text")
    (fault,) = caught.value.diagnostics
    assert fault.message == told
    assert "--spec" in fault.hint


@pytest.mark.parametrize(
    ("change", "told"),
    [(("      4-7", "      2-5"),
      "ranks 2 to 5, as table_row_wise has not on nodes of 4 of 8 ranks"),
     (("64 (32)       0-7", "64 (32)       0-5"),
      "ranks 0 to 5, as grid_shard of 2 column shards has not")],
    ids=["rows", "grid"],
)  # fmt: skip
def test_a_table_of_the_log_that_lies_across_nodes_is_refused(
    change: tuple[str, str], told: str
) -> None:
    text = NODES.replace(*change)
    with pytest.raises(InputError) as caught:
        decisions_of(read_text(text, "text"), of_nodes(2, 4), "text")
    assert told in str(caught.value)


@pytest.mark.parametrize("text", ["", "no plan", "{", '{"plan": 3}', '{"plan": {"m": {"t": 1}}}'])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_text(text, "text")


def test_the_first_change_is_the_best_of_all_that_move_one_table() -> None:
    """Against every table on every device, by brute force."""
    whole = {"constraints": [{"tables": "*", "sharding": ["table_wise"], "kernels": ["fused"]}]}
    here = case(**whole)
    decisions = decisions_of(read_text(PRINTED, "text"), here, "text")
    on_one = [
        replace(each, sharding=ShardingType.TABLE_WISE, kernel=decisions[0].kernel,
                column_shards=1, targets=(0,))
        for each in decisions
    ]  # fmt: skip
    found = appraise(here, on_one, Settings(time_limit_seconds=20), Reporter())
    moved = [
        predict(here, [*on_one[:at], replace(on_one[at], targets=(rank,)), *on_one[at + 1 :]])
        for at in range(4)
        for rank in range(4)
    ]  # fmt: skip
    assert found.changes[0].objective_seconds == pytest.approx(min(m.step_seconds for m in moved))
    told = [found.plan.optimality.objective_seconds]
    told += [change.objective_seconds for change in found.changes]
    assert told == sorted(told, reverse=True)
    assert found.plan.optimality.lower_bound_seconds <= found.best.optimality.objective_seconds


def one_shard(text: str = LOGGED) -> str:
    return text.replace("64 (32)     0-1", "64 (64)       1")


def test_one_column_shard_is_read_as_the_type_that_cuts_none() -> None:
    """It lies alike; so do the rows of a grid."""
    grid = NODES.replace("64 (32)       0-7", "64 (64)       4-7")
    (found, here), (gridded, there) = (
        (decisions_of(read_text(text, "text"), made, "text"), made)
        for text, made in ((one_shard(), case()), (grid, of_nodes(2, 4)))
    )
    assert (found[1].sharding, found[1].targets) == (ShardingType.TABLE_WISE, (1,))
    assert (gridded[1].sharding, gridded[1].targets) == (ShardingType.TABLE_ROW_WISE, (1,))
    assert (
        readings(read_text(LOGGED, "text"), decisions_of(read_text(LOGGED, "t"), here, "t"), here)
        == ()
    )
    (told,) = readings(read_text(one_shard(), "text"), found, here)
    assert told == Reading("column_wise", "table_wise", ("b",))
    (told,) = readings(read_text(grid, "text"), gridded, there)
    assert told == Reading("grid_shard", "table_row_wise", ("b",))


@pytest.mark.parametrize("as_text", [str, as_json], ids=["printed", "json"])
def test_rows_over_a_single_node_are_read_as_rows_over_all(as_text: Callable[[str], str]) -> None:
    """They lie alike; but where the spec asks for the type by name it is kept."""
    rows_of_node = PRINTED.replace("c     | row_wise     ", "c     | table_row_wise")
    text, here = as_text(rows_of_node), case()
    stated = read_text(text, "text")
    found = decisions_of(stated, here, "text")
    assert found == decisions_of(read_text(PRINTED, "text"), here, "text")
    (told,) = readings(stated, found, here)
    assert told == Reading("table_row_wise", "row_wise", ("c",), "on a single node")
    asked = case(constraints=[{"tables": "c", "sharding": "table_row_wise"}])
    kept = decisions_of(stated, asked, "text")
    assert (kept[2].sharding, readings(stated, kept, asked)) == (ShardingType.TABLE_ROW_WISE, ())


def test_a_grid_of_one_column_shard_on_a_single_node_is_rows_over_all() -> None:
    logged = LOGGED.replace("sparse.ebc.c         RW", "sparse.ebc.c         GS").replace(
        "                 16     0-3", "            16 (16)     0-3"
    )
    stated, here = read_text(logged, "text"), case()
    found = decisions_of(stated, here, "text")
    assert found == decisions_of(read_text(LOGGED, "text"), here, "text")
    (told,) = readings(stated, found, here)
    assert told.how == "of one column shard on a single node"


def test_what_no_table_tells_of_the_machine_is_said_to_be_the_specs() -> None:
    stated = read_text(LOGGED, "text")
    whole, two_nodes = [stated[0]], of_nodes(2, 4).topology.world
    assert StatedWorld.of(stated).assumed(case().topology.world) == ""
    assert StatedWorld.of(read_text(NODES, "text")).assumed(two_nodes) == ""
    told = "the plan is taken as of the spec's 8 ranks, 4 to a node"
    assert StatedWorld.of(whole).assumed(two_nodes) == (
        f"no table tells how many devices there are: {told}"
    )
    told = "the plan is taken as of the spec's 4 to a node"
    on_all = StatedWorld(ranks=8, devices_per_node=None).assumed(two_nodes)
    assert on_all == f"no table tells how many make a node: {told}"


@pytest.mark.parametrize("kind", ["column_wise", "table_column_wise"])
def test_a_printed_column_shard_alone_is_a_whole_table(kind: str) -> None:
    text = PRINTED.replace("a     | table_wise ", f"a     | {kind} ")
    found = decisions_of(read_text(text, "text"), case(), "text")
    assert found == decisions_of(read_text(PRINTED, "text"), case(), "text")


def test_changes_are_found_beside_a_table_that_the_spec_does_not_allow() -> None:
    """The best of all that move the others, by brute force."""
    only = {"tables": "*", "sharding": ["table_wise"], "kernels": ["fused"]}
    cut = {"tables": "b", "sharding": ["column_wise"], "kernels": ["fused"]}
    here = case(constraints=[only | {"tables": ["a", "c", "d"]}, cut])
    decisions = decisions_of(read_text(one_shard(), "text"), here, "text")
    on_one = tuple(
        replace(each, sharding=ShardingType.TABLE_WISE, kernel=decisions[0].kernel, targets=(1,))
        for each in decisions
    )
    found = appraise(here, on_one, Settings(time_limit_seconds=20), Reporter())
    moved = [
        predict(here, [replace(each, targets=(r,)) for each, r in zip(on_one, ranks, strict=True)])
        for ranks in product(range(4), (1,), range(4), range(4))
    ]
    best = min(each.step_seconds for each in moved)
    assert found.not_offered == ("b",)
    assert found.changes[-1].objective_seconds <= best * (1 + _LEAST_GAIN) ** len(found.changes)
    assert "b" not in {change.table for change in found.changes}
    report = appraisal_report(
        found, explain(Study.of(found.plan, "plan")), (Reading("x", "y", ("b",)),), "z"
    )
    first, *_, last = report.sections
    assert (first.remarks, last.remarks[0][-2:]) == (
        ("x of one column shard is read as y, which lies alike: b", "z"),
        " b",
    )
    assert last.grid is not None


def wide(pooling: tuple[int, ...]) -> tuple[Case, tuple[Decision, ...]]:
    """Tables that wait for one another's outputs, each whole on a rank of its own."""
    tables = [
        {"name": f"w{n}", "rows": 5_000 + n, "dim": 128, "pooling": each}
        for n, each in enumerate(pooling)
    ]
    demand = {"tables": "*", "sharding": ["table_wise", "column_wise"], "kernels": ["fused"]}
    here = case(tables=tables, constraints=[demand])
    whole = decisions_of(read_text(PRINTED, "text"), case(), "text")[0]
    return here, tuple(replace(whole, table=n, targets=(n,)) for n in range(len(tables)))


def test_tables_that_pay_together_alone_are_told_as_one_set() -> None:
    """Two equal ones hold the plan up: whichever of them changes alone, the other still does."""
    here, decisions = wide((400, 400, 1))
    found = appraise(here, decisions, Settings(time_limit_seconds=5), Reporter())
    first = [change for change in found.changes if change.set_number == 1]
    now = found.plan.optimality.objective_seconds
    assert {change.table for change in first} >= {"w0", "w1"}
    for change in first:
        table = change.after.table
        alone = [change.after if each.table == table else each for each in decisions]
        assert now - predict(here, alone).step_seconds < (now - change.objective_seconds) / 2
    then = {change.after.table: change.after for change in first}
    together = predict(here, [then.get(each.table, each) for each in decisions])
    assert first[0].objective_seconds == pytest.approx(together.step_seconds)


def test_no_change_is_told_that_saves_next_to_nothing() -> None:
    """Each set of changes saves, and those that save most for each table come first."""
    here, decisions = wide((400, 90, 1))
    found = appraise(here, decisions, Settings(time_limit_seconds=5), Reporter())
    seconds, rates = found.plan.optimality.objective_seconds, list[float]()
    for _, members in groupby(found.changes, key=lambda change: change.set_number):
        changes = list(members)
        saved = seconds - changes[0].objective_seconds
        assert saved >= _LEAST_GAIN * seconds
        rates.append(saved / len(changes))
        seconds = changes[0].objective_seconds
    assert rates == sorted(rates, reverse=True)
    best = found.best.optimality.objective_seconds
    assert seconds <= best * (1 + _LEAST_GAIN) ** 3, "all three tables may change"


def test_a_plan_is_rated_in_one_command(tmp_path: Path) -> None:
    spec, text, out = (tmp_path / name for name in ("spec.yaml", "plan.txt", "theirs.json"))
    spec.write_text(yaml.safe_dump(case().resolved))
    text.write_text(one_shard())
    words = ["convert", str(text), "--from", "torchrec", "--spec", str(spec), "-o", str(out)]
    done = CliRunner().invoke(cli, [*words, "--time-limit", "10s"])
    assert done.exit_code == 0, done.output
    for title in (
        "is read as table_wise",
        "How far from the best",
        "What holds it up",
        "What to change first",
    ):
        assert title in done.output
    assert verify(read_plan(out)) == ()
    told = json.loads(CliRunner().invoke(cli, [*words, "--format", "json"]).stdout)
    assert (told["not_offered"], len(told["readings"]), told["assumed"]) == ([], 1, "")
    assert told["optimality"]["lower_bound_seconds"] <= told["best"]["objective_seconds"]


def test_a_torchrec_plan_needs_a_spec(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["convert", str(tmp_path / "p"), "--from", "torchrec"])
    assert done.exit_code == 2
    assert "--from and --spec go together" in done.output
