"""Files of tables that are written read back as the same tables, in each of the forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardplan.build_case import build_case
from shardplan.cli.reports.warnings import warnings_of
from shardplan.errors import InputError
from shardplan.spec.load import load_spec
from shardplan.spec.tables.table_spec import TableSpec
from shardplan.spec.tables.write_tables import tables_data

CURVE = {"cdf": [[0.0001, 0.31], [0.01, 0.62], [1.0, 1.0]]}
TABLES = [
    {"name": "plain", "rows": 5},
    {"name": "sampled", "rows": 5, "sampled": 0.25},
    {"name": "curved", "rows": 4_000_000, "pooling": 2.5, "cap": [80], "access": CURVE},
    {"name": "point", "rows": 7, "access": {"cdf": [[1.0, 1.0]]}},
    {"name": "law, quoted", "rows": 10**13, "access": {"zipf": 1.05}, "ids": "by_frequency"},
    {"name": "bins", "rows": 9, "access": {"reuse": [0.1 + i for i in range(17)]}},
    {"name": "alike", "rows": 8, "access": "uniform", "weighted": False, "hot_ids": 3},
    {"name": "both", "rows": 70, "dim": 12, "dtype": "fp16", "module": "m.ebc",
     "features": ["f", "g"], "pooling": [1.0, 20.25], "cap": 50,
     "padding": {"id": 3, "share": 0.66}, "pooling_type": "mean"},
    {"name": "served", "rows": 8, "side": "user", "quality_loss": {"int8": 0.0, "int4": 0.001},
     "dtypes": ["int8", "fp16"], "prune": [{"rows": 0.5, "loss": 0.01}]},
    {"name": "grows", "rows": 70, "dynamic": {"mode": "caching"}, "module": "d"},
]  # fmt: skip


def written(*tables: dict) -> list[TableSpec]:
    return [TableSpec.model_validate(table) for table in tables]


def spread(table: TableSpec) -> TableSpec:
    """With a number for each feature, where one of all means the same."""
    each = {key: value for key in ("pooling", "cap") if (value := getattr(table, key)) is not None}
    count = len(table.features or [table.name])
    return table.model_copy(
        update={k: v if isinstance(v, tuple) else (v,) * count for k, v in each.items()}
    )


def read(folder: Path, name: str, data: bytes):
    (folder / name).write_bytes(data)
    spec = "batch: {local: 512}\ntopology: dgx-h100\ndefaults: {dim: 8}\ntables_file: " + name
    (folder / "spec.yaml").write_text(spec + "\n")
    return load_spec(str(folder / "spec.yaml"))


@pytest.mark.parametrize("suffix", ["csv", "parquet", "yaml"])
def test_written_tables_read_back_as_the_same(tmp_path: Path, suffix: str) -> None:
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    tables, name = written(*TABLES), f"tables.{suffix}"
    loaded = read(tmp_path, name, tables_data(Path(name), tables, ["one day", "two\nlines"]))
    assert loaded.faults == ()
    assert [each.access for each in loaded.spec.tables] == [
        None if table.name == "alike" else table.access for table in tables
    ]
    expected = tuple(table.without(loaded.spec.defaults) for table in tables)
    assert [spread(each) for each in loaded.spec.tables] == [spread(each) for each in expected]


def test_a_fault_of_a_yaml_file_of_tables_has_its_line_and_column(tmp_path: Path) -> None:
    text = "tables:\n  - {name: a, rows: 3,\n     access: {cdf: [[0.1, 0.5], [0.05, 0.9]]}}\n"
    fault, *others = read(tmp_path, "tables.yaml", text.encode()).faults
    assert (Path(fault.file).name, fault.line, fault.column, fault.path) == (
        "tables.yaml", 3, 33, "[0].access.cdf[1]",
    )  # fmt: skip
    assert not others


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("tables:\n  - {name: a, rows: 3}\nbatch: {local: 1}\n", 3, "does not belong here"),
        ("- {name: a, rows: 3}\n", 1, "holds no tables"),
    ],
)
def test_a_file_of_tables_holds_nothing_else(tmp_path: Path, text: str, line: int, message: str):
    fault, *_ = read(tmp_path, "tables.yaml", text.encode()).faults
    assert (fault.line, fault.message) == (line, message)


def test_what_has_no_column_is_refused_and_not_left_out() -> None:
    table = written({"name": "t", "rows": 5, "dynamic": {"mode": "auto", "bucket": 64}})
    with pytest.raises(InputError, match="more than the mode of a dynamic table has no column"):
        tables_data(Path("t.csv"), table)
    with pytest.raises(InputError, match=r"must end in \.csv, \.parquet or \.yaml"):
        tables_data(Path("t.txt"), table)


@pytest.mark.parametrize("suffix", ["csv", "yaml"])
def test_rows_that_a_sample_shows_are_told_where_they_stand(tmp_path: Path, suffix: str) -> None:
    tables = written(*TABLES[:2], {"name": "also", "rows": 8, "sampled": 0.01})
    loaded = read(tmp_path, f"tables.{suffix}", tables_data(Path(f"t.{suffix}"), tables))
    (found,) = [
        each for each in warnings_of(loaded, build_case(loaded)) if each.code == "sampled_rows"
    ]
    assert found.file.endswith(f"tables.{suffix}")
    assert found.line == 3
    assert "sampled, also" in found.message
