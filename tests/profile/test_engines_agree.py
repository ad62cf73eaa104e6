"""Spark with two workers and Daft on Ray write the same file as DuckDB, byte for byte."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("duckdb")
pytest.importorskip("narwhals")

from sampled_days import write_days

SAMPLES = 10_000
"""Of each of two days."""
RULES = """\
tables:
  - name: site
    features: [{column: site, missing: 0}]
    mapping: {hash: 500}
  - name: item
    features:
      - {column: ad}
      - {column: history, padding: 2, truncate: 3, keep: back}
    mapping: {dictionary: {min_count: 3}}
    padding: 1
"""
ENGINES = {
    "spark": (
        "pyspark",
        "spark.master=local-cluster[2,1,1024]",
        "spark.ui.enabled=false",
        "spark.sql.shuffle.partitions=2",
        "spark.sql.adaptive.enabled=false",
        "spark.sql.codegen.wholeStage=false",
        "spark.driver.host=127.0.0.1",
        "spark.driver.bindAddress=127.0.0.1",
    ),
    "ray": ("daft", "num_cpus=2"),
}
PRODUCES = (".csv", ".reference.parquet", ".profile.json")


def missing(engine: str) -> str:
    """What the engine needs and is not there."""
    needs = [ENGINES[engine][0], *(["ray", "narwhals_daft"] if engine == "ray" else [])]
    lacks = [name for name in needs if find_spec(name) is None]
    if engine == "spark" and shutil.which("java") is None:
        lacks.append("java")
    return ", ".join(lacks)


def written(folder: Path, engine: str, *options: str) -> list[bytes]:
    """By a process of its own: engines start threads and change what they like."""
    output = folder / f"{engine}.csv"
    settings = [word for option in options for word in ("--engine-option", option)]
    root = Path(__file__).parents[2]
    words = [
        *(sys.executable, "-m", "shardplan", "profile", "days/*.parquet", "-o", str(output)),
        *("--features", "rules.yaml", "--batch", "1000", "--day", "day_*", "-q"),
        *("--engine", engine, *settings),
    ]
    environment = os.environ | {"PYTHONPATH": str(root), "PYSPARK_PYTHON": sys.executable}
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [output.with_suffix(ending).read_bytes() for ending in PRODUCES]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_writes_what_duckdb_writes(engine: str, tmp_path: Path) -> None:
    if lacks := missing(engine):
        pytest.skip(f"needs {lacks}")
    days = write_days(tmp_path / "days", SAMPLES)
    (days / "day_1.parquet").rename(days / "day_1[*]{a,b}?.parquet")
    (tmp_path / "rules.yaml").write_text(RULES)
    assert written(tmp_path, engine, *ENGINES[engine][1:]) == written(tmp_path, "duckdb")
