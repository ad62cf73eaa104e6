"""Pins of hot rows on tables that keep none."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardplan.spec.load import load_document
from shardplan.spec.text.document import read_document


def _spec(hot_rows: int, kind: str = "bag") -> str:
    return f"""\
batch: {{local: 512}}
topology: dgx-h100
training: {{optimizer: sgd, hot_rows: true}}
modules: {{m: {{kind: {kind}}}}}
tables: [{{name: u, rows: 1000, dim: 8, module: m}}]
constraints: [{{tables: u, hot_rows: {hot_rows}}}]
"""


@pytest.mark.parametrize("kind", ["sequence", "managed_collision"])
def test_a_module_that_keeps_none_is_named(kind: str) -> None:
    (fault,) = load_document(read_document(_spec(100, kind), "s.yaml"), Path()).faults
    assert (fault.path, fault.line) == ("constraints[0]", 6)
    assert fault.message == "table 'u' is left no sharding type by constraints[0]"
    assert fault.hint.startswith(f"tables of a module of the kind {kind} are ")


def test_a_pin_of_none_says_how_to_keep_none() -> None:
    (fault,) = load_document(read_document(_spec(0), "s.yaml"), Path()).faults
    assert (fault.path, fault.message) == (
        "constraints[0].hot_rows",
        "must be at least 1 (got 0)",
    )
    assert fault.hint.endswith("list in sharding all types but those of hot rows")
