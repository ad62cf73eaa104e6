"""The training job of docs/torchrec.md, run as written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from executor_plans import random_plan

from shardplan.plan.file.write import render

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is not installed"),
]
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "torchrec.md"
MY_JOB = """
from pathlib import Path
import torch
from torchrec_jobs import _batch, model_of
from shardplan.plan.file.read import read_plan

PLAN = read_plan("plan.json")
TABLES = {path: [t for t in PLAN.tables if t.module == path] for path in PLAN.plan}

class Model(torch.nn.Module):
    def __init__(self, device):
        super().__init__()
        for name, module in model_of(PLAN, device).named_children():
            setattr(self, name, module)
        self.dense = torch.nn.Linear(sum(t.dim * len(t.features) for t in PLAN.tables), 1)
    def forward(self, features):
        pooled = [self.get_submodule(path)(each).values() for path, each in features.items()]
        return self.dense(torch.cat(pooled, dim=1))

def batches(rank):
    features = {path: _batch(tables, rank) for path, tables in TABLES.items()}
    return [(features, torch.ones(6, 1))] * 40
"""

LAST = """    optimizer.step()  # updates the rest
"""
# On a busy machine threads of PyTorch may abort a process whose program is over.
ABORTED = "terminate called without an active exception"
KEEP = """    with open(f"losses.{torch.distributed.get_rank()}", "a") as file:
        print(loss.item(), file=file)
"""


def test_the_training_job_of_the_page_learns(tmp_path):
    (job,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "my_job.py").write_text(MY_JOB, encoding="utf-8")
    (tmp_path / "train.py").write_text(job.replace(LAST, LAST + KEEP), encoding="utf-8")
    (tmp_path / "plan.json").write_text(render(random_plan(4, 2, "adagrad")), encoding="utf-8")
    paths = [str(ROOT), str(Path(__file__).parent), str(Path(__file__).parents[1])]
    run = "torch.distributed.run --standalone --nproc-per-node 2 train.py"
    done = subprocess.run(
        [sys.executable, "-m", *run.split()],
        cwd=tmp_path,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0 or ABORTED in done.stderr, done.stderr
    for rank in (0, 1):
        losses = [float(line) for line in (tmp_path / f"losses.{rank}").read_text().split()]
        assert len(losses) == 40
        assert losses[-1] < 0.1 * losses[0]
