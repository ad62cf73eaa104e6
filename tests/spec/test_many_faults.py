"""Very many faults: the first are named, all are counted, and nothing takes long over the rest."""

from __future__ import annotations

import io
import json

import pytest

from shardplan.cli.failure import diagnostic_lines
from shardplan.errors import InputError
from shardplan.plan.file.read import MAX_BYTES, parse_plan, read_plan_from
from shardplan.spec.load import load_spec
from shardplan.spec.tables.columns import column_faults
from shardplan.spec.validation.listing import MOST_NAMED

HEAD = "batch: {local: 5}\ntopology: {name: cpu-2s}\n"
TABLES = 30_000


@pytest.fixture
def faults_of(tmp_path):
    """The faults of a spec's text."""

    def faults(text):
        path = tmp_path / "spec.yaml"
        path.write_text(text, encoding="utf-8")
        return load_spec(str(path)).faults

    return faults


def counted(faults):
    return sum(fault.count for fault in faults)


def test_every_one_of_many_misspelt_keys_is_counted_and_few_are_named(faults_of):
    rows = "".join(f"  - {{name: t{i}, rowz: 5, dim: 4}}\n" for i in range(TABLES))
    faults = faults_of(f"{HEAD}tables:\n{rows}")
    assert counted(faults) == 2 * TABLES  # rowz is unknown, rows are missing
    assert len(faults) < 5 * MOST_NAMED
    assert {fault.hint for fault in faults[:20]} == {"did you mean 'rows'?", "add 'rows' here"}


def test_faults_far_down_a_long_list_are_found(faults_of):
    rows = "".join(f"  - {{name: t{i}, rows: 5, dim: 4}}\n" for i in range(TABLES))
    bad = "".join(f"  - {{name: b{i}, rows: -1, dim: 0}}\n" for i in range(2_000))
    faults = faults_of(f"{HEAD}tables:\n{rows}{bad}")
    assert counted(faults) == 4_000
    assert {fault.path.rpartition(".")[2] for fault in faults[:10]} == {"rows", "dim"}


def test_a_terminal_sees_twenty_faults_and_their_number(faults_of):
    rows = "".join(f"  - {{name: t{i}, rows: 0, dim: 4}}\n" for i in range(500))
    lines = diagnostic_lines(faults_of(f"{HEAD}tables:\n{rows}"))
    assert sum("error: tables" in line for line in lines) == 20
    assert lines[-2:] == ["... and 480 more like these", "500 errors"]


def test_many_constraints_that_match_nothing_are_counted(faults_of):
    table = "tables: [{name: t, rows: 5, dim: 4}]\n"
    names = "".join(f"  - {{tables: u{i}, together: true}}\n" for i in range(300))
    faults = faults_of(f"{HEAD}{table}constraints:\n{names}")
    assert counted(faults) == 300
    assert len(faults) == MOST_NAMED + 1


def test_modules_inside_others_are_found_by_their_parents(faults_of):
    rows = "".join(f"  - {{name: t{i}, rows: 5, dim: 4, module: a.m{i}}}\n" for i in range(TABLES))
    (fault,) = faults_of(f"{HEAD}tables:\n{rows}  - {{name: x, rows: 5, dim: 4, module: a.m7.b}}\n")
    assert fault.message == "'a.m7.b' lies inside 'a.m7', where other tables are"


def test_columns_that_stand_twice_are_found_among_very_many():
    header = [f"x{i}" for i in range(50_000)]
    doubled = [*header, "x49999"]
    twice = [message for _, message, _ in column_faults(doubled, frozenset(header))]
    assert twice == ["the column 'x49999' stands here twice"]


def test_a_plan_whose_every_table_is_wrong_says_how_many_faults_it_has():
    text = json.dumps({"format_version": "1.0", "tables": [{"name": 1}] * TABLES})
    with pytest.raises(InputError) as caught:
        parse_plan(text, "plan.json")
    every = counted(caught.value.diagnostics)
    assert every >= 2 * TABLES
    assert every % TABLES < 100  # as many of each table, and those of the plan itself
    assert len(caught.value.diagnostics) <= 20 * MOST_NAMED


def test_a_key_written_twice_is_found_among_very_many():
    keys = ",".join(f'"k{i}":0' for i in range(100_000))
    with pytest.raises(InputError, match="the key 'z' stands here twice"):
        parse_plan("{" + keys + ',"z":1,"z":2}', "plan.json")


class Endless(io.RawIOBase):
    """A stream of one character that never ends, and counts what is read of it."""

    def __init__(self, character: bytes) -> None:
        self.character, self.taken = character, 0

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "reads all of an endless stream"
        self.taken += size
        return self.character * min(size, 4 * 2**20)


def test_an_endless_file_is_no_plan_and_is_not_read_to_its_end():
    stream = Endless(b"\0")
    with pytest.raises(InputError, match="is not text"):
        read_plan_from(stream, "/dev/zero")
    assert stream.taken < 2 * 2**20


def test_the_size_of_a_plan_has_a_limit():
    stream = Endless(b"{")
    with pytest.raises(InputError):
        read_plan_from(stream, "pipe")
    assert stream.taken <= MAX_BYTES + 1
