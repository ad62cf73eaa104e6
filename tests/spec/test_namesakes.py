"""Tables of several modules that are called the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shardplan import load, plan, verify
from shardplan.errors import InputError
from shardplan.plan.changes import changes
from shardplan.sharding.kind import ShardingType
from shardplan.spec.matching import TableNameError, TableNames

if TYPE_CHECKING:
    from pathlib import Path

KEYS = [("m", "a"), ("m", "b"), ("n.o", "a"), ("", "c"), ("m", "n/x")]
SPEC = """
batch: {local: 64}
topology: {name: dgx-h100, nodes: 1}
defaults: {dim: 16, module: m}
tables:
  - {name: a, rows: 1_000_000}
  - {name: b, rows: 1_000}
  - {name: a, rows: 2_000, module: n.o}
constraints:
"""


@pytest.mark.parametrize(
    ("pattern", "positions"),
    [
        ("a", [0, 2]),
        ("m/a", [0]),
        ("n.o/a", [2]),
        ("b", [1]),
        ("/c", [3]),
        ("n/x", [4]),
        ("m/n/x", [4]),
        ("*/a", [0, 2]),
        ("m/*", [0, 1, 4]),
        ("[ab]", [0, 1, 2]),
        ("a*", [0, 2]),
        ("o/a", []),
    ],
)
def test_a_pattern_means_names_and_with_a_slash_modules_and_names(
    pattern: str, positions: list[int]
) -> None:
    assert TableNames(KEYS).match(pattern) == positions


def test_tables_are_called_by_their_names_alone_where_no_other_has_them() -> None:
    assert [*TableNames(KEYS)] == ["m/a", "b", "n.o/a", "c", "n/x"]


def test_a_name_of_several_tables_does_not_stand_for_one() -> None:
    with pytest.raises(TableNameError, match=r"2 modules are called 'a'; write m/a, n\.o/a"):
        TableNames(KEYS).one("a")


def written(folder: Path, constraints: str) -> str:
    path = folder / "spec.yaml"
    path.write_text(SPEC + constraints)
    return str(path)


def test_a_constraint_on_a_name_of_several_tables_says_which_it_means(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(written(tmp_path, "  - {tables: a, sharding: row_wise}\n"))
    (fault,) = caught.value.diagnostics
    assert fault.message == "tables of 2 modules are called 'a'"
    assert fault.hint == "write m/a, n.o/a, or */a for all"


def test_namesakes_are_planned_each_as_its_own_constraints_say(tmp_path: Path) -> None:
    demands = (
        "  - {tables: m/a, sharding: table_wise, ranks: [3]}\n"
        "  - {tables: n.o/*, sharding: row_wise}\n"
    )
    found = plan(load(written(tmp_path, demands)))
    assert found.plan["m"]["a"].ranks == (3,)
    assert found.plan["n.o"]["a"].sharding_type is ShardingType.ROW_WISE
    assert verify(found) == ()
    assert [(each.module, each.name) for each in found.tables] == [
        ("m", "a"), ("m", "b"), ("n.o", "a"),
    ]  # fmt: skip


def test_changes_of_specs_pair_namesakes_by_their_modules() -> None:
    then = [{"name": "a", "rows": 1}, {"name": "a", "module": "n", "rows": 2}]
    now = [{"name": "a", "module": "n", "rows": 3}, {"name": "a", "rows": 1}]
    assert [(each.where, each.was, each.now) for each in changes(then, now, "tables")] == [
        ("tables.n/a.rows", "2", "3")
    ]
