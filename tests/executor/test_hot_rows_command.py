"""The training command, of plans that keep hot rows on every rank."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("torch")

from click.testing import CliRunner
from random_specs import TOPOLOGY
from test_train_command import losses_of

from shardplan.build_case import case_of_value
from shardplan.executor.__main__ import main
from shardplan.executor.planned.plan_view import view_plan
from shardplan.executor.train.data.synthetic_data import SyntheticData
from shardplan.plan.file.read import read_plan
from shardplan.plan.file.write import render
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def written(path: Path, sharding: str, **training: object) -> Path:
    """A plan for one rank."""
    spec = {
        "batch": {"local": 32},
        "topology": copy.deepcopy(TOPOLOGY) | {"nodes": 1, "devices_per_node": 1},
        "training": {"optimizer": "rowwise_adagrad", **training},
        "tables": [
            {"name": "t", "rows": 500, "dim": 8, "pooling": 2, "hot_ids": 30,
             "access": {"zipf": 1.05}},
        ],
        "constraints": [{"tables": "t", "sharding": sharding, "kernels": "fused"}],
    }  # fmt: skip
    path.write_text(render(make_plan(case_of_value(spec, "s"), Settings("greedy"), Reporter())))
    return path


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return written(tmp_path / "hot.json", "hot_row_wise", hot_rows=True)


def test_synthetic_samples_are_trained_to_the_losses_of_a_whole_table(
    kept: Path, tmp_path: Path
) -> None:
    whole = written(tmp_path / "whole.json", "table_wise")
    unit = written(tmp_path / "unit.json", "hot_table_wise", hot_rows=True)
    losses = []
    for plan in (kept, unit, whole):
        command = ["train", str(plan), "--steps", "6", "--loss-every", "1"]
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output
        losses.append(losses_of(result.stdout))
    assert losses[0] == pytest.approx(losses[2], rel=1e-5)
    assert losses[1] == pytest.approx(losses[2], rel=1e-5)


def test_hot_ids_of_a_file_of_samples_come_from_files(kept: Path, tmp_path: Path) -> None:
    data = tmp_path / "day.tsv"
    lines = ["\t".join(["1", *["3"] * 13, *[f"{i:x}"] * 26]) for i in range(64)]
    data.write_text("\n".join(lines) + "\n")
    folder = tmp_path / "hot"
    (folder / "sparse.ebc").mkdir(parents=True)
    command = ["train", str(kept), "--data", str(data), "--batch", "8", "--steps", "2"]
    missing = CliRunner().invoke(main, command)
    assert missing.exit_code == 2
    assert "hottest rows are on every rank, and none is named" in missing.stderr
    (folder / "sparse.ebc" / "t.csv").write_text("id\n" + "".join(f"{i}\n" for i in range(30)))
    listed = CliRunner().invoke(main, [*command, "--hot-ids", str(folder)])
    assert listed.exit_code == 0, listed.output
    file = folder / "sparse.ebc" / "t.npy"
    file.write_bytes(b"no array")
    given = [*command, "--hot-ids", str(folder)]
    broken = CliRunner().invoke(main, given)
    assert (broken.exit_code, "write it by numpy.save" in broken.stderr) == (2, True)
    np.save(file, np.arange(30))
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 0, result.output
    alone = CliRunner().invoke(main, ["train", str(kept), "--hot-ids", str(folder)])
    assert (alone.exit_code, "--hot-ids needs --data" in alone.stderr) == (2, True)


def shared(path: Path, features: list[str], **of_small: object) -> Path:
    """A plan of a table with 301 hot rows, whose feature f a table of 90 rows reads, too."""
    big = {"name": "big", "rows": 500, "dim": 8, "pooling": 2, "hot_ids": 400,
           "access": {"zipf": 1.05}, "features": features}  # fmt: skip
    small = {"name": "small", "rows": 90, "dim": 8, "pooling": 2, "features": ["f"], **of_small}
    spec = {
        "batch": {"local": 32},
        "topology": copy.deepcopy(TOPOLOGY) | {"nodes": 1, "devices_per_node": 1},
        "training": {"optimizer": "sgd", "hot_rows": True},
        "tables": [big, small],
        "constraints": [{"tables": "big", "sharding": "hot_row_wise", "hot_rows": 301}],
    }
    path.write_text(render(make_plan(case_of_value(spec, "s"), Settings("greedy"), Reporter())))
    return path


def test_rows_that_are_never_drawn_are_hot_where_a_smaller_table_shares_the_feature(
    tmp_path: Path,
) -> None:
    plan = shared(tmp_path / "shared.json", ["f"])
    result = CliRunner().invoke(main, ["train", str(plan), "--steps", "1"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("of_small", [{}, {"padding": {"id": 40, "share": "50%"}}])
def test_hot_ids_are_those_that_all_features_of_a_table_bring_most_often(
    of_small: dict[str, object], tmp_path: Path
) -> None:
    """Counted over drawn samples: f has ids of 90 rows, each about as often, and g of all."""
    view = view_plan(read_plan(shared(tmp_path / "shared.json", ["g", "f"], **of_small)))
    data = SyntheticData(view, 100_000, 0)
    hot = data.hot_ids()["sparse.ebc/big"]
    counts = np.bincount(data.batch(0).sparse.values.numpy(), minlength=500)
    assert len(set(hot.tolist())) == 301
    assert counts[hot].sum() == pytest.approx(np.sort(counts)[-301:].sum(), rel=0.001)
    assert counts[hot[:50]].sum() == pytest.approx(np.sort(counts)[-50:].sum(), rel=0.01)
