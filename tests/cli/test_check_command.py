import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardplan.cli.reports.yaml_text import yaml_text
from shardplan.spec.text.document import read_document

BAD = """\
name: m
batch: {global: 64}
topology: dgx-h100
tables:
  - {name: a, rows: ten, dim: 0}
  - {name: b, row: 5, dim: 64}
"""


def test_sums_up_what_is_to_be_planned(run, spec_path):
    result = run("check", spec_path)
    assert result.exit_code == 0
    assert "small: the spec is good" in result.stdout
    assert "8 with 21,051,250 rows" in result.stdout
    assert "4 (box, 2 nodes of 2)" in result.stdout
    assert "12.6 GiB for tables: 16.0 GiB less 2.4 GiB kept free" in result.stdout


def test_demands_that_leave_a_table_no_way_are_faults_of_the_spec(run, write, spec_path):
    rule = 'constraints: [{tables: "*", ranks: [0], sharding: [row_wise]}]\n'
    path = write(spec_path.read_text() + rule)
    result = run("check", path)
    line = len(path.read_text().splitlines())
    assert result.exit_code == 2
    assert f"{path}:{line}:" in result.stderr
    assert "no way to be sharded by constraints[0]" in result.stderr


def test_warnings_go_to_stderr_and_do_not_fail(run, spec_path):
    result = run("check", spec_path)
    assert "warning: training.optimizer: row-wise Adagrad" in result.stderr
    assert "warning: tables: unused has no lookups" in result.stderr
    assert "error" not in result.stderr


def test_a_default_is_warned_of_without_a_line(run, write, spec_path):
    text = spec_path.read_text().replace("  optimizer: rowwise_adagrad\n", "")
    path = write(text)
    warning = run("check", path).stderr.splitlines()[0]
    assert warning.startswith(f"{path}: warning: training.optimizer: row-wise Adagrad")


def test_updates_are_exact_by_default_and_need_no_warning(run, write, spec_path):
    text = spec_path.read_text().replace("  exact_updates: false\n", "")
    assert "Adagrad" not in run("check", write(text)).stderr


def test_tables_that_may_not_be_cut_by_columns_need_no_warning(run, write, spec_path):
    rule = 'constraints: [{tables: "*", sharding: [row_wise, table_wise, data_parallel]}]\n'
    assert "Adagrad" not in run("check", write(spec_path.read_text() + rule)).stderr


def test_ids_that_would_make_uneven_row_shards_are_warned_of_at_their_table(run, write, spec_path):
    text = spec_path.read_text().replace(
        "rows: 10_000_000,", "rows: 10_000_000, ids: by_frequency,"
    )
    path = write(text)
    line = text.splitlines().index(next(t for t in text.splitlines() if "by_frequency" in t)) + 1
    (warning,) = [
        found for found in run("check", path).stderr.splitlines() if "the first of" in found
    ]
    assert warning.startswith(f"{path}:{line}:")
    assert "tables[0].ids: the first of 4 row shards of user_id serves 3." in warning
    rule = 'constraints: [{tables: "*", sharding: [column_wise, table_wise, data_parallel]}]\n'
    assert "row shards" not in run("check", write(text + rule)).stderr


def test_reads_the_spec_from_stdin(run, spec_path):
    result = run("check", "-", stdin=spec_path.read_text())
    assert result.exit_code == 0
    assert "<stdin>:" in result.stderr


def test_what_is_resolved_reads_back_as_itself(run, write, spec_path):
    once = run("check", spec_path, "--resolved").stdout
    again = run("check", write(once), "--resolved").stdout
    assert again == once
    assert "exact_updates: false" in once


def test_the_json_of_a_good_spec_has_the_numbers(run, spec_path):
    value = json.loads(run("check", spec_path, "--format", "json").stdout)
    assert value["summary"]["table_count"] == 8
    assert value["summary"]["device_count"] == 4
    assert {found["severity"] for found in value["diagnostics"]} == {"warning"}


def test_all_errors_come_at_once_with_lines_and_hints(run, write):
    result = run("check", write(BAD))
    assert result.exit_code == 2
    assert ":5:21: error: tables[0].rows:" in result.stderr
    assert ":5:31: error: tables[0].dim:" in result.stderr
    assert "did you mean 'rows'?" in result.stderr
    assert result.stderr.splitlines()[-1].endswith(" errors")
    assert result.stdout == ""


def test_the_json_of_a_bad_spec_has_the_errors_as_objects(run, write):
    result = run("check", write(BAD), "--format", "json")
    assert result.exit_code == 2
    value = json.loads(result.stdout)
    assert value["summary"] is None
    assert {(found["line"], found["path"]) for found in value["diagnostics"]} >= {
        (5, "tables[0].rows"),
        (5, "tables[0].dim"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", "name: [", "name: m", "\x00", "a: &x 1\nb: *x", "name: 1\nname: 2",
        "batch: {global: 64}\ntopology: nowhere\ntables: [{name: a, rows: 1, dim: 4}]",
        "batch: {global: 64}\ntopology: {name: dgx-h100, nodes: 90000}\n"
        "tables: [{name: a, rows: 1, dim: 4}]",
        "batch: {global: 64}\ntopology: dgx-h100\ncost_model: nothing\n"
        "tables: [{name: a, rows: 1, dim: 4}]",
        "batch: {global: 64}\ntopology: dgx-h100\ntables_file: none.csv",
        "batch: {global: 64}\ntopology: dgx-h100\ntables: [{name: a, rows: 1, dim: 4}]\n"
        "constraints: [{tables: a, ranks: [99]}]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["check", "solve"])
def test_no_bad_spec_ends_in_a_traceback(run, write, command, text):
    result = run(command, write(text))
    assert result.exit_code == 2
    assert ": error: " in result.stderr
    assert "internal error" not in result.stderr


def test_a_spec_that_is_not_there_is_said_to_be_so(run, tmp_path):
    for path in (tmp_path / "no.yaml", tmp_path):
        result = run("check", path)
        assert result.exit_code == 2
        assert "cannot read the file" in result.stderr


NAMES = st.text(
    st.characters(exclude_categories=("C", "Z")) | st.sampled_from(" -#:,[]{}\"'&*!|>%@`.~"),
    min_size=1,
    max_size=12,
)
SURPRISES = st.sampled_from(
    ["1e9", "no", "010", "~", "null", "0x1F", "12:30", ".inf", "true", "- a", "a: b", "1_000",
     "a #b", " a", "a ", "=", "<<", "*x", "&x", "!t", "%d", "", "0o7", "+1", ".5", "---", "é"]
)  # fmt: skip


@given(
    st.lists(NAMES | SURPRISES, min_size=1, max_size=5), st.floats(0, 1e12), st.integers(0, 2**62)
)
def test_yaml_reads_back_as_the_same_values(names, number, count):
    value = {"name": names[0], "list": names, "tables": [{"name": n, "x": number} for n in names]}
    value["rows"] = count
    assert read_document(yaml_text(value), "f").value == value
