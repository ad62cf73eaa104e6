"""``python -m shardplan.executor train``."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from shardplan.errors import RankLost, SaveFailed, ShardplanError
from shardplan.executor.train.request import TrainRequest, takes_request
from shardplan.executor.train.tell import tell

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.train.engine import EngineSetup
    from shardplan.executor.train.job import Job
    from shardplan.executor.train.measurement import JobMeasurement
    from shardplan.executor.train.metrics.metrics_log import MetricsLog
    from shardplan.executor.train.run_folder import RunFolder
    from shardplan.executor.train.training_loop import Schedule
    from shardplan.plan.file.plan import Plan

_INVALID, _LOST = 2, 1
_LOSSES = (RankLost, SaveFailed)


@click.command("train")
@takes_request
def train(request: TrainRequest) -> None:
    """Train a small DLRM whose tables are sharded by a plan.

    Runs under torchrun, with as many processes, and as many per node, as the plan has devices.
    Losses go to stdout, a progress bar to stderr. Needs PyTorch: pip install 'shardplan[executor]'.

    \b
    Examples:
      torchrun --nproc-per-node 2 -m shardplan.executor train plan.json --steps 20
      torchrun --nproc-per-node 2 -m shardplan.executor train plan.json --measure measured.json

    Exit codes: 0 done; 1 a rank was lost, or the last checkpoint could not be written; 2 wrong
    usage or invalid input; 70 internal error.
    """
    try:
        _train(request)
    except ShardplanError as error:
        if not error.is_agreed or os.environ.get("RANK", "0") == "0":
            tell(f"error: {error}")
        code = _LOST if isinstance(error, _LOSSES) else _INVALID
        click.get_current_context().exit(code)


def _train(request: TrainRequest) -> None:
    from shardplan.executor.train.job import joined
    from shardplan.executor.train.plan_of_job import plan_of_job

    request.check()
    with joined(request.timeout_seconds) as job:
        _run(*plan_of_job(request.plan, job), job, request)


def _run(plan: Plan, view: PlanView, job: Job, request: TrainRequest) -> None:
    from shardplan.executor.checkpoint.by_all import by_all

    measure = request.measure if job.rank == 0 else None
    by_all(job, lambda: _check_written(request) if job.rank == 0 else None)
    with _run_folder(job, request) as folder:
        found = _trained(plan, view, job, request, folder)
        if measure is not None:
            _write_measured(measure, plan, request, view, found)
        if folder is not None and folder.failed is not None:
            raise folder.failed


def _check_written(request: TrainRequest) -> None:
    """Raise InputError for what could surely not be written, before anything is trained."""
    from shardplan.executor.train.metrics.tensor_board import summary_writer
    from shardplan.files import check_writable

    read = [path for path in (request.plan, request.data) if path is not None]
    for path in (request.measure, request.metrics):
        if path is not None:
            check_writable(path, read)
    if request.tensorboard is not None:
        summary_writer()


def _trained(
    plan: Plan, view: PlanView, job: Job, request: TrainRequest, folder: RunFolder | None
) -> JobMeasurement:
    from shardplan.executor.train.data.training_data import training_data
    from shardplan.executor.train.engine import build_engine
    from shardplan.executor.train.progress import shown_progress
    from shardplan.executor.train.training_loop import run_steps

    samples = _samples(request, view)
    data = training_data(request.data, view, samples, job.rank, request.seed, request.hot_ids)
    setup = replace(_setup(plan, view, job, request), hot_ids=data.hot_ids())
    setup = replace(setup, hot_counts=data.hot_counts())
    engine = build_engine(request.engine, setup)
    schedule = _schedule(request, folder)
    if folder is not None and folder.start is not None:
        engine.load(folder.start, request.trust)
    save = None if folder is None else partial(folder.save, engine)
    with (
        _metrics(plan, view, job, request, schedule.first + 1) as metrics,
        shown_progress(job, schedule.steps) as report,
    ):
        return run_steps(engine, data.batches, schedule, job, report, save, metrics)


def _write_measured(
    path: Path, plan: Plan, request: TrainRequest, view: PlanView, found: JobMeasurement
) -> None:
    from shardplan.files import write_atomically

    facts = {"format_version": "1.0"} | _facts(plan, request, view)
    write_atomically(path, json.dumps(facts | found.as_json(), indent=2) + "\n")


def _facts(plan: Plan, request: TrainRequest, view: PlanView) -> dict[str, Any]:
    """What is measured."""
    from shardplan.plan.file.fingerprint import fingerprint_of_job

    return {
        "plan": plan.name,
        "plan_sha256": fingerprint_of_job(plan),
        "engine": request.engine,
        "world_size": view.world_size,
        "samples": _samples(request, view),
    }


def _samples(request: TrainRequest, view: PlanView) -> int:
    """Of a rank in each step."""
    return request.batch or view.training.local_batch


def _metrics(
    plan: Plan, view: PlanView, job: Job, request: TrainRequest, first_step: int
) -> AbstractContextManager[MetricsLog | None]:
    """Where steps are told of; a step of another batch is not the one that was predicted."""
    from shardplan.executor.train.metrics.open_log import open_log
    from shardplan.executor.train.metrics.step_metrics import Seconds

    is_predicted = _samples(request, view) == view.training.local_batch
    predicted = Seconds.predicted(plan.prediction) if is_predicted else None
    return open_log(request, job, _facts(plan, request, view), predicted, first_step)


def _setup(plan: Plan, view: PlanView, job: Job, request: TrainRequest) -> EngineSetup:
    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.train.data.synthetic_data import DENSE_FEATURES
    from shardplan.executor.train.engine import EngineSetup

    folder = request.ssd_folder
    return EngineSetup(
        plan=plan,
        view=view,
        optimizer=OptimizerSettings(view.training.optimizer, request.learning_rate),
        device=job.device,
        dense_features=DENSE_FEATURES,
        seed=request.seed,
        timeout_seconds=request.timeout_seconds,
        limits=request.limits,
        ssd_folder=None if folder is None else folder / f"rank-{job.rank}",
        is_measured=request.is_measured,
        allow_inexact=request.allow_inexact,
    )


def _run_folder(job: Job, request: TrainRequest) -> AbstractContextManager[RunFolder | None]:
    """The folder of the run's checkpoints, if it writes any."""
    from shardplan.executor.train.run_folder import run_folder

    def say(words: str) -> None:
        if job.rank == 0:
            tell(words)

    if request.checkpoints is None:
        return nullcontext()
    return run_folder(request.checkpoints, job, request.resume, say)


def _schedule(request: TrainRequest, folder: RunFolder | None) -> Schedule:
    """What to do when."""
    from shardplan.executor.train.training_loop import Schedule

    return Schedule(
        steps=request.steps,
        first=0 if folder is None else folder.first_step,
        warm_up=min(request.warm_up, request.steps - 1),
        loss_every=request.loss_every,
        checkpoint_every=request.checkpoint_every,
    )
