"""Tables from CSV (and Parquet): the same tables as in YAML, and every fault at its cell."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from shardplan.spec.load import load_spec
from shardplan.spec.tables import parquet_file

SPEC = """\
batch: {local: 512}
topology: dgx-h100
defaults: {dim: 8}
tables_file: tables.csv
"""


def load(folder: Path, csv: str, spec: str = SPEC):
    (folder / "spec.yaml").write_text(spec)
    (folder / "tables.csv").write_text(csv)
    return load_spec(str(folder / "spec.yaml"))


def faults(folder: Path, csv: str) -> list[tuple[str, int, int, str, str, str]]:
    """File, line, column, path, message and hint of each fault."""
    return [
        (Path(d.file).name, d.line, d.column, d.path, d.message, d.hint)
        for d in load(folder, csv).faults
    ]


def test_a_csv_says_what_yaml_says(tmp_path: Path) -> None:
    csv = (
        "name,rows,dim,pooling,dtype,module,features,access,ids\n"
        '"t, 1",4e3,16,1;2,fp16,m.ebc,f;g,zipf:1.05,by_frequency\n'
        "007,40_000,,,,,,uniform,\n"
    )
    yaml = SPEC.replace(
        "tables_file: tables.csv",
        "tables:\n"
        "  - {name: 't, 1', rows: 4000, dim: 16, pooling: [1, 2], dtype: fp16, module: m.ebc,"
        " features: [f, g], access: {zipf: 1.05}, ids: by_frequency}\n"
        "  - {name: '007', rows: 40000}\n",
    )
    assert load(tmp_path, csv).spec == load(tmp_path, "", yaml).spec


def test_a_reuse_histogram_has_columns_of_its_own(tmp_path: Path) -> None:
    header = "name,rows," + ",".join(f"reuse_{i}" for i in range(17))
    table = load(tmp_path, f"{header}\nt,10,{','.join('1' * 17)}\n").spec.tables[0]
    assert table.access is not None
    assert table.access.bins == (1.0,) * 17


def test_tables_of_both_places_follow_one_another(tmp_path: Path) -> None:
    spec = SPEC + "tables: [{name: own, rows: 3}]\n"
    loaded = load(tmp_path, "name,rows\na,1\n\nb,2\n", spec)
    assert [table.name for table in loaded.spec.tables] == ["own", "a", "b"]
    assert loaded.spec.tables_file is None


@pytest.mark.parametrize(
    ("csv", "fault"),
    [
        ("name,row\nt,1\n", (1, 6, "", "unknown column 'row'", "did you mean 'rows'?")),
        ("name,rows,rows\nt,1,1\n", (1, 11, "", "the column 'rows' stands here twice",
                                     "delete one of the two")),
        ("name,rows\nt,x\n", (2, 3, "[0].rows", "must be a whole number (got 'x')",
                              "for example 8")),
        ("name,rows\nt,1\nu,010\n", (3, 3, "[1].rows",
                                     "a number must not begin with 0 (got 010)",
                                     'write 10 for the number, 0o10 for octal (8, as YAML 1.1 '
                                     'reads it), "010" for text')),
        ("name,rows\nt\n", (2, 1, "", "has 1 cells under 2 columns",
                            "put a text with a comma in quotes")),
        ("name,rows\n,5\n", (2, 1, "[0].name", "is missing", "add 'name' here")),
        ('name,rows\n"a,b",0\n', (2, 7, "[0].rows", "must be at least 1 (got 0)",
                                  "write 1 or more")),
        ('name,rows\n"a,b,0\n', (2, 1, "", "is not valid CSV: unexpected end of data",
                                 "check the quotes")),
        ("name,rows,access\nt,1,cdf:3\n", (2, 5, "[0].access",
                                           "a point of a curve is two fractions, like 0.01=0.5 "
                                           "(got '3')",
                                           "of the rows, hottest first, and of the accesses that "
                                           "they draw")),
        ("name,rows,access\nt,1,cdf:0.1=0.1;0.5=0.9\n", (
            2, 5, "[0].access.cdf[1]", "the curve grows steeper here",
            "put the hottest rows first")),
        ("name,rows,access\nt,1,curve:1\n", (
            2, 5, "[0].access",
            "must be uniform, zipf:1.05 or cdf:0.01=0.5;0.1=0.9 (got 'curve:1')", "")),
        ("name,rows,cdf_accesses,cdf_rows\nt,1,0.5;1.5,0.1;0.9\n", (
            2, 13, "[0].access.cdf[1]", "fractions must be more than 0 and at most 1", "")),
        ("name,rows,cdf_rows,cdf_accesses\nt,1,0.1;0.9,0.5\n", (
            2, 5, "[0]", "has 2 cdf_rows and 1 cdf_accesses",
            "each point of the curve has one of both")),
        ("name,rows,cdf_rows,cdf_accesses\nt,1,0.1;0.9,\n", (
            2, 5, "[0]", "has 1 of 2 cdf columns", "fill all or none")),
        ("name,rows,cdf_rows\nt,1,\n", (
            1, 1, "", "the column 'cdf_accesses' is missing", "the first line names the columns")),
        ("name,rows,access\nt,1,zipf:0\n", (2, 5, "[0].access.zipf",
                                            "must be more than 0 and at most 10 (got 0)",
                                            "write uniform instead")),
        ("name,rows\nt,1\nt,2\n", (3, 1, "[1].name", "another table is called 't' (number 1)",
                                   "names are unique within a module")),
    ],
)  # fmt: skip
def test_each_kind_of_fault_is_told_at_its_cell(tmp_path: Path, csv: str, fault: tuple) -> None:
    assert ("tables.csv", *fault) in faults(tmp_path, csv)


def test_half_a_reuse_histogram_is_refused(tmp_path: Path) -> None:
    header = "name,rows,access," + ",".join(f"reuse_{i}" for i in range(17))
    cells = "t,10,uniform,1" + "," * 16
    told = [(line, column, message) for _, line, column, _, message, _ in
            faults(tmp_path, f"{header}\n{cells}\n")]  # fmt: skip
    assert told == [
        (2, 14, "has both an access and a reuse histogram"),
        (2, 14, "has 1 of 17 reuse columns"),
    ]


def test_missing_columns_are_all_named(tmp_path: Path) -> None:
    messages = [fault[4] for fault in faults(tmp_path, "dim\n8\n")]
    assert messages == ["the column 'name' is missing", "the column 'rows' is missing"]


def test_faults_of_the_spec_and_of_its_tables_file_are_told_together(tmp_path: Path) -> None:
    found = load(tmp_path, "name,rows\nt,0\n", SPEC + "objectiv: x\n").faults
    told = {(Path(d.file).name, d.line) for d in found}
    assert told == {("spec.yaml", 5), ("tables.csv", 2)}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.csv", "none.csv: cannot read the file: No such file or directory"),
        ("tables.tsv", "tables.tsv: must end in .csv, .parquet or .yaml (got '.tsv')"),
        ("tables.parquet", "tables.parquet: reading .parquet needs pyarrow"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_at_the_line_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (fault,) = load(tmp_path, "", SPEC.replace("tables.csv", name)).faults
    assert (fault.line, fault.column, fault.path) == (4, 14, "tables_file")
    assert fault.message == message


@pytest.mark.parametrize(
    ("limit", "most", "wanted"),
    [
        ("MAX_BYTES", 100, "is larger than 0 MiB"),
        ("_MOST_UNPACKED_BYTES", 100, "is larger than 64 MiB"),
        ("MOST_VALUES", 39, "more than 39 values"),
        ("_LONGEST_TEXT", 2, "holds a text of more than 2 bytes"),
    ],
)
def test_a_parquet_file_has_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, wanted: str
) -> None:
    """On the file, what it unpacks to, its cells, and a text that many cells share."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [{"name": f"t{n}", "rows": 10, "access": "uniform"} for n in range(20)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "tables.parquet")
    spec = SPEC.replace(".csv", ".parquet")
    assert load(tmp_path, "", spec).faults == ()
    monkeypatch.setattr(parquet_file, limit, most)
    (fault,) = load(tmp_path, "", spec).faults
    assert wanted in fault.message


def test_a_parquet_file_says_what_a_csv_says(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [
        {
            "name": "a",
            "rows": 10,
            "features": ["f", "g"],
            "pooling": [1.0, 2.0],
            "dim": 16,
            "weighted": True,
        },
        {"name": "b", "rows": 20, "access": "zipf:1.1", "module": "other"},
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "tables.parquet")
    csv = (
        "name,rows,features,pooling,dim,access,weighted,module\n"
        "a,10,f;g,1;2,16,,true,\nb,20,,,,zipf:1.1,,other\n"
    )
    spec = load(tmp_path, csv, SPEC.replace(".csv", ".parquet")).spec
    assert spec.tables[0] == load(tmp_path, csv).spec.tables[0]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"reuse_3": None}, "has 16 of 17 reuse columns"),
        ({"access": "uniform"}, "has both an access and a reuse histogram"),
    ],
)
def test_half_a_reuse_histogram_of_a_parquet_file_is_refused(
    tmp_path: Path, row: dict, message: str
) -> None:
    """An empty bin counted as 0, and the other access gave way, without a word."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    whole = {"name": "a", "rows": 10, "access": None} | {f"reuse_{i}": 0.5 for i in range(17)}
    rows = [whole, whole | {"name": "b"} | row]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "tables.parquet")
    (fault,) = load(tmp_path, "", SPEC.replace(".csv", ".parquet")).faults
    assert (Path(fault.file).name, fault.path, fault.message) == ("tables.parquet", "[1]", message)


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        (
            {"nam": ["a"], "dim": [{"x": 1}], "rows": ["5"]},
            [("spec.yaml", "tables_file", "tables.parquet: unknown column 'nam'"),
             ("spec.yaml", "tables_file", "tables.parquet: the column 'name' is missing"),
             ("spec.yaml", "tables_file",
              "tables.parquet: the column 'dim' holds struct<x: int64>")],
        ),
        (
            {"name": ["a", "b"], "rows": ["010", "5"], "access": ["uniform", "cdf:3"]},
            [("tables.parquet", "[0].rows", "a number must not begin with 0 (got 010)"),
             ("tables.parquet", "[1].access",
                  "a point of a curve is two fractions, like 0.01=0.5 (got '3')")],
        ),
    ],
    ids=["columns", "cells"],
)  # fmt: skip
def test_all_faults_of_a_parquet_file_are_told_at_once(
    tmp_path: Path, columns: dict, wanted: list
) -> None:
    """Those of its columns, or else of its cells, which have numbers of rows for lines."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table(columns), tmp_path / "tables.parquet")
    found = load(tmp_path, "", SPEC.replace(".csv", ".parquet")).faults
    assert [(Path(each.file).name, each.path, each.message) for each in found] == wanted


def test_a_page_of_a_parquet_file_that_is_not_as_written_is_refused(tmp_path: Path) -> None:
    """Where the writer left checksums."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path, table = tmp_path / "tables.parquet", pyarrow.table({"name": ["abcdef"], "rows": [5]})
    plain = {"use_dictionary": False, "compression": "none", "write_statistics": False}
    parquet.write_table(table, path, write_page_checksum=True, **plain)
    path.write_bytes(path.read_bytes().replace(b"abcdef", b"abcdeg", 1))
    (fault,) = load(tmp_path, "", SPEC.replace(".csv", ".parquet")).faults
    assert "CRC" in fault.message
