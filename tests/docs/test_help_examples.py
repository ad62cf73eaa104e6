"""Every example of every command's help, run as written."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click
import pytest
from clone import Clone, can_run
from doc_pages import ROOT

from shardplan.cli.main import cli
from shardplan.cli.registry import SHORT_HELP
from shardplan.executor.train.command import train

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """\
batch: {local: 256}
topology: {name: cpu-2s, nodes: 2}
tables:
  - {name: t_20, rows: 4_000, dim: 16, pooling: 3}
  - {name: t_21, rows: 600, dim: 16}
size: {machines: {topology: cpu-2s, nodes: [1, 2]}}
"""
DYNAMIC_MODEL = """\
batch: {local: 256}
topology: {name: dgx-h100, nodes: 1}
tables:
  - {name: grows, rows: 40_000, dim: 16, dynamic: auto}
"""
SERVED_MODEL = """\
topology: {name: cpu-2s, nodes: 1}
serving:
  load: {queries: 100/s}
  query: {candidates: 10}
  slo: {p99: 1s}
  replicas: {spare: 1}
tables:
  - {name: t, rows: 600, dim: 16}
"""
TORCHREC_PLAN = """\
module: sparse.ebc

param | sharding type | compute kernel | ranks
----- | ------------- | -------------- | -----
t_20  | table_wise    | fused          | [0]
t_21  | table_wise    | fused          | [0]

param | shard offsets | shard sizes | placement
----- | ------------- | ----------- | ----------
t_20  | [0, 0]        | [4000, 16]  | rank:0/cpu
t_21  | [0, 0]        | [600, 16]   | rank:0/cpu
"""
MEASURED = """\
subject,batch,tables,ranks,bytes,largest_bytes,seconds
all_to_all,,,4,33554432,,0.0327
"""
TORCHREC_MODEL = """\
from torchrec.modules.embedding_configs import EmbeddingBagConfig
from torchrec.modules.embedding_modules import EmbeddingBagCollection


def make_model():
    table = EmbeddingBagConfig(
        name="t", num_embeddings=100, embedding_dim=8, feature_names=["f"]
    )
    return EmbeddingBagCollection(tables=[table])
"""


MY_JOB = """\
import json
import sys

plan, measured = sys.argv[1:]
with open(plan) as file:
    tables = [entry for module in json.load(file)["plan"].values() for entry in module.values()]
with open(measured, "w") as file:
    json.dump({"step_seconds": sum(0.001 * len(entry["ranks"]) for entry in tables)}, file)
"""

INSTEAD = {
    "-o trained --steps 50 --budget 5m": "-o trained --run 'python job.py {plan} {measured}'",
    "calibrate -o ours.yaml --budget 5min": "calibrate -o mine.yaml --budget 1s",
    "-o ours.yaml --engine native --budget 5m": "-o mine.yaml --engine native --budget 1s",
    "~/.config/fish/completions/": "",
}
"""What takes minutes, or writes into the home folder."""


def examples(command: click.Command) -> list[str]:
    """The lines below ``Examples:`` of a command's help."""
    settings = {**command.context_settings, "terminal_width": 200}
    text = command.get_help(click.Context(command, info_name=command.name, **settings))
    _, _, rest = text.partition("Examples:\n")
    return [line.strip() for line in rest.split("\n\n")[0].splitlines()]


def all_examples() -> list[str]:
    """Of the program and of every command."""
    context = click.Context(cli, **cli.context_settings)
    found = [cli.get_command(context, name) for name in SHORT_HELP]
    return examples(cli) + [line for command in found if command for line in examples(command)]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """With a small spec, its plan, a cost model and measurements, under the names in examples."""
    made = Clone(tmp_path_factory.mktemp("help") / "clone")
    shutil.copy(ROOT / "cost_models" / "cpu.yaml", made.folder / "ours.yaml")
    (made.folder / "ours.csv").write_text(MEASURED)
    (made.folder / "job.py").write_text(MY_JOB)
    (made.folder / "my_package").mkdir()
    (made.folder / "my_package" / "model.py").write_text(TORCHREC_MODEL)
    _write_model(made.folder)
    _write_data(made.folder)
    (made.folder / "torchrec_plan.txt").write_text(TORCHREC_PLAN)
    made.run_line("shardplan solve model.yaml -o plan.json -q --method greedy")
    (made.folder / "dynamic.yaml").write_text(DYNAMIC_MODEL)
    made.run_line("shardplan solve dynamic.yaml -o dynamic.json -q --method greedy")
    (made.folder / "served.yaml").write_text(SERVED_MODEL)
    made.run_line("shardplan solve served.yaml -o served.json -q")
    for name in ("old.json", "new.json"):
        shutil.copy(made.folder / "plan.json", made.folder / name)
    return made


def _write_data(folder: Path) -> None:
    """A day of samples, and the tables of a profile of it."""
    if find_spec("duckdb") is None or find_spec("narwhals") is None:
        return
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    (folder / "data").mkdir()
    ids = np.random.default_rng(0).zipf(1.5, 5_000) % 1_000
    parquet.write_table(pa.table({"t": ids}), folder / "data" / "day_1.parquet")


def _write_model(folder: Path) -> None:
    (folder / "model.yaml").write_text(MODEL)


def test_every_command_has_two_examples_of_its_own() -> None:
    assert len(all_examples()) == 3 + 2 * len(SHORT_HELP)
    assert len(set(all_examples())) == len(all_examples())
    assert len(examples(train)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("line", all_examples())
def test_every_example_runs(line: str, clone: Clone) -> None:
    if not can_run(line):
        pytest.skip("needs a library that is not installed")
    if line.startswith("shardplan init"):
        (clone.folder / "model.yaml").unlink()
    for written, run in INSTEAD.items():
        line = line.replace(written, run)
    clone.run_line(line)
    _write_model(clone.folder)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("torch") is None, reason="trains with PyTorch")
def test_the_examples_of_training_run_on_a_plan_of_two_devices(clone: Clone) -> None:
    """With few steps; the plan is of as many devices as the examples start processes."""
    spec = MODEL.replace("nodes: 2", "nodes: 1")
    (clone.folder / "two.yaml").write_text(spec)
    clone.run_line("shardplan solve two.yaml -o two.json -q --method greedy")
    for line in examples(train):
        clone.run_line(line.replace("plan.json", "two.json"))
    assert "measured" in clone.run_line("shardplan explain two.json --measured measured.json")
