"""Steps, losses and checkpoints, whichever engine trains."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.executor.train.measurement import JobMeasurement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shardplan.executor.train.engine import Engine, TrainingBatch
    from shardplan.executor.train.job import Job
    from shardplan.executor.train.metrics.metrics_log import MetricsLog


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long to train, and what to do when."""

    steps: int
    first: int = 0
    """Steps that a loaded checkpoint has behind it."""
    warm_up: int = 0
    """Steps before measuring begins."""
    loss_every: int = 10
    checkpoint_every: int | None = None
    """Steps between checkpoints; else at the end only."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is told after a step."""

    step: int
    """From 1."""
    mean_loss: float | None
    """Over all ranks; only of some steps."""


def run_steps(
    engine: Engine,
    batches: Callable[[int, int], Iterator[TrainingBatch]],
    schedule: Schedule,
    job: Job,
    report: Callable[[Progress], None],
    save: Callable[[int], None] | None = None,
    metrics: MetricsLog | None = None,
) -> JobMeasurement:
    """Train; what all ranks measured.

    ``batches(first, steps)`` are this rank's; ``save`` writes the checkpoint of a step. A pipeline
    starts again after each checkpoint, so that no batch is in flight while tables are written.
    """
    last = schedule.first + schedule.steps
    every = schedule.checkpoint_every or schedule.steps
    step, started = schedule.first, time.perf_counter()
    while step < last:
        count = min(every - step % every, last - step)
        for loss in engine.train(batches(step, count)):
            step += 1
            told = step % schedule.loss_every == 0 or step == last
            report(Progress(step, job.mean(loss) if told else None))
            if metrics is not None and metrics.is_due(step, is_last=step == last):
                metrics.tell(step, loss, engine.measured())
            if step - schedule.first == schedule.warm_up:
                engine.forget_measurements()
                if metrics is not None:
                    metrics.begin_again()
                started = time.perf_counter()
        if save is not None:
            save(step)
    ranks = tuple(job.gather(engine.measured()))
    return JobMeasurement(ranks, time.perf_counter() - started)
