"""The training command under TorchRec: the losses of the native engine."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("torchrec")
pytest.importorskip("shardplan.executor.torchrec.wrap")

from test_native_engine import plan_of
from test_train_command import losses_of

if TYPE_CHECKING:
    from pathlib import Path


def losses(plan: Path, engine: str) -> dict[int, float]:
    """What two processes print."""
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
        *("-m", "shardplan.executor", "train", str(plan), "--engine", engine),
        *("--steps", "40", "--loss-every", "5"),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=180, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return losses_of(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
def test_both_engines_print_the_same_losses(optimizer: str, tmp_path: Path) -> None:
    """Row-, column-, table-wise and data-parallel tables, within 1e-5 over 40 steps."""
    plan = tmp_path / "plan.json"
    plan.write_text(plan_of(2, optimizer, "sparse_dist"))
    native = losses(plan, "native")
    assert len(native) == 8
    assert losses(plan, "torchrec") == pytest.approx(native, abs=1e-5)
