"""``shardplan profile``: what it refuses, and what its exit code says."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from shardplan.cli.main import cli

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["profile", *map(str, words)])


def write_ids(path: Path, ids: np.ndarray) -> Path:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("duckdb")
    parquet.write_table(pa.table({"t": ids}), path)
    return path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say where the tables go"),
        (["-o", "tables.txt"], "must end in .csv, .parquet or .yaml"),
        (["-o", "tables.csv", "--plan", "plan.json"], "--plan goes with --against"),
        (["-o", "tables.csv", "--sample", "1"], "did you mean"),
        (["-o", "tables.csv", "--engine-option", "x"], "must be KEY=VALUE"),
        (["-o", "tables.csv", "--sample", "0"], "must be above 0%"),
        (["--against", "old.csv", "--hot-rows", "hot"], "--hot-rows goes with -o"),
        (["-o", "tables.csv", "--skew-days", "2"], "--skew-days goes with --day"),
        (["-o", "tables.csv", "--keep", "k", "--sample", "1%"], "--keep goes without --sample"),
        (["-o", "tables.csv", "--keep", "k", "--day", "date"], "not with a column of them"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: list[str], said: str) -> None:
    result = run("data.parquet", *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_missing_engine_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = run("data.parquet", "-o", "tables.csv", "--engine", "spark")
    assert result.exit_code == 2
    assert "pip install 'shardplan[profile-spark]'" in result.stderr


@pytest.mark.parametrize("named", ["", "*.parquet"])
def test_data_that_is_read_is_never_written_over(tmp_path: Path, named: str) -> None:
    path = write_ids(tmp_path / "d.parquet", np.arange(100))
    before = path.read_bytes()
    result = run(tmp_path / named, "-o", path)
    assert result.exit_code == 2
    assert "it is read here" in result.stderr
    reference = write_ids(tmp_path / "d.reference.parquet", np.arange(100))
    assert "it is read here" in run(reference, "-o", tmp_path / "d.csv").stderr
    result = run(path, "-o", tmp_path / "t.csv", "--hot-rows", tmp_path)
    assert "holds data that is read here" in result.stderr
    assert path.read_bytes() == before
    assert not (tmp_path / "t.csv").exists()


def test_exit_code_1_says_that_tables_moved(tmp_path: Path) -> None:
    ids = np.random.default_rng(0).zipf(1.2, 20_000) % 1_000
    old = write_ids(tmp_path / "old.parquet", ids)
    same = write_ids(tmp_path / "same.parquet", np.roll(ids, 1))
    moved = write_ids(tmp_path / "moved.parquet", 1_000 + ids)
    tables = tmp_path / "tables.csv"
    assert run(old, "-o", tables, "--batch", 100, "-q").exit_code == 0
    result = run(same, "--against", tables, "--batch", 100, "-q")
    assert (result.exit_code, result.stdout) == (0, "none of 1 tables moved\n")
    result = run(moved, "--against", tables, "--batch", 100, "-q")
    assert result.exit_code == 1
    assert result.stdout.startswith("t moved: ")


def test_older_tables_that_are_missing_are_named_as_they_were(tmp_path: Path) -> None:
    path = write_ids(tmp_path / "d.parquet", np.arange(100))
    result = run(path, "--against", tmp_path / "nix.yaml")
    assert result.stderr.startswith(f"{tmp_path / 'nix.yaml'}: error: does not exist")
    (tmp_path / "nix.yaml").touch()
    result = run(path, "--against", tmp_path / "nix.yaml")
    assert "nix.yaml: error: has no nix.reference.parquet beside it" in result.stderr
