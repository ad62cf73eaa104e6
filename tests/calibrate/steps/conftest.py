"""One small design for all tests of calibrated steps: pricing its candidates takes seconds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from shardplan.calibrate.steps.design.step_design import StepDesign
from shardplan.workload.optimizers.optimizer import Optimizer

sys.path.append(str(Path(__file__).parent))


@pytest.fixture(scope="session")
def design() -> StepDesign:
    """Of 50 plans, 40 of them by design."""
    return StepDesign.of(ranks=2, candidates=80, count=40, seed=3, optimizer=Optimizer.SGD)
