"""One round tells everything: the spec, what it holds inline, and how its parts fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardplan.case import build_case
from shardplan.errors import InputError
from shardplan.spec.load import load_document
from shardplan.spec.text.document import read_document

FIVE_KINDS = """\
batch: {local: 0}
topology:
  name: lab
  cost_model: h100
  devices_per_node: 2
  device:
    hbm: {capacity: 4, read: 1TB/s}
    host_link: 64GB/s
cost_model: {name: mine, kind: analytik}
tables:
  - {name: a, rows: 10, dim: 8}
  - {name: b, rows: 10, dim: 0}
  - {name: a, rows: 10, dim: 8}
constraints:
  - {tables: c, sharding: row_wise}
  - {tables: b, kernels: fused}
  - {tables: b, kernels: fused_uvm}
  - {tables: a, kernels: fuse}
objectiv: balance
"""


def faults(text: str) -> list[tuple[int, int, str, str]]:
    """Line, column, path and message of each fault, in the order told."""
    with pytest.raises(InputError) as caught:
        build_case(load_document(read_document(text, "s.yaml"), Path()))
    return [(d.line, d.column, d.path, d.message) for d in caught.value.diagnostics]


def test_faults_of_every_kind_are_told_in_one_round() -> None:
    kernels = (
        "dense, fused, fused_uvm, fused_uvm_caching, key_value, dynamic_hbm, dynamic_caching, "
        "dynamic_hybrid, dynamic_host"
    )
    assert faults(FIVE_KINDS) == [
        (1, 16, "batch.local", "must be at least 1 (got 0)"),
        (7, 21, "topology.device.hbm.capacity", "needs a unit (got 4)"),
        (9, 32, "cost_model.kind", "unknown kind of cost model 'analytik'"),
        (12, 30, "tables[1].dim", "must be at least 1 (got 0)"),
        (13, 12, "tables[2].name", "another table is called 'a' (number 1)"),
        (15, 14, "constraints[0].tables[0]", "no table matches 'c'"),
        (17, 5, "constraints[2]",
         "table 'b' is left no kernel by constraints[1] and constraints[2]"),
        (18, 26, "constraints[3].kernels", f"must be one of {kernels} (got 'fuse')"),
        (19, 1, "objectiv", "unknown key 'objectiv'"),
    ]  # fmt: skip


TABLES = "tables: [{name: a, rows: 1, dim: 4}, {name: b, rows: 1, dim: 4}]\n"
MATCH = "constraints: [{tables: [a, b], ranks: [0]}]\n"
HEAD = "batch: {local: 1}\ntopology: dgx-h100\n"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (HEAD + "tables: [{name: a, rows: 1, dim: 4}, {nam: b, rows: 1}]\n" + MATCH, "tables[1]"),
        (HEAD + "tables: [{name: a, rows: 1, dim: 4}, 3]\n" + MATCH, "tables[1]"),
        (HEAD + "tables: 3\n" + MATCH, "tables"),
        (HEAD + TABLES.replace("tables", "table") + MATCH, "table"),
        (HEAD + "tables_file: none.csv\n" + TABLES + MATCH.replace("b]", "c]"), "tables_file"),
        (HEAD + TABLES.replace(", dim: 4", "") + "defaults: {dim: 0}\n" + MATCH, "defaults.dim"),
        (HEAD + TABLES + "constraints: [{tables: [a, 3], apart: true}]\n", "constraints[0]"),
        ("batch: {local: 1}\ntopology: 3\n" + TABLES + MATCH, "topology"),
        ("batch: {local: 1}\n" + TABLES + MATCH, "topology"),
        (HEAD + TABLES + MATCH + "cost_model: 3\n", "cost_model"),
    ],
)
def test_one_fault_brings_no_others_that_vanish_with_it(text: str, path: str) -> None:
    told = [each[2] for each in faults(text)]
    assert told
    assert all(each.startswith(path) for each in told)


def test_what_is_wrong_beside_the_spec_is_told_with_the_spec() -> None:
    text = "batch: {local: 0}\ntopology: dgx-h10\n" + TABLES + "cost_model: h10\n"
    assert [each[2] for each in faults(text)] == ["batch.local", "topology", "cost_model"]


def test_ranks_are_checked_where_the_machine_is_known() -> None:
    text = "batch: {local: 0}\ntopology: dgx-h100\n" + TABLES + MATCH.replace("[0]", "[8]")
    assert [each[2] for each in faults(text)] == ["batch.local", "constraints[0].ranks[0]"]
