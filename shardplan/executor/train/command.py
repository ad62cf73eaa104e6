"""``python -m shardplan.executor train``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from shardplan.errors import RankLost, ShardplanError
from shardplan.executor.train.request import TrainRequest, takes_request
from shardplan.printable import printable

if TYPE_CHECKING:
    from pathlib import Path

    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.train.engine import EngineSetup
    from shardplan.executor.train.job import Job
    from shardplan.executor.train.training_loop import Schedule
    from shardplan.plan.file.plan import Plan

_INVALID, _LOST = 2, 1


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

    Exit codes: 0 done; 1 a rank was lost; 2 wrong usage or invalid input; 70 internal error.
    """
    try:
        _train(request)
    except ShardplanError as error:
        click.echo(printable(f"error: {error}"), err=True)
        code = _LOST if isinstance(error, RankLost) else _INVALID
        click.get_current_context().exit(code)


def _train(request: TrainRequest) -> None:
    from shardplan.executor.train.job import joined
    from shardplan.plan.file.read import read_plan

    request.check()
    plan = read_plan(request.plan)
    with joined(request.timeout_seconds) as job:
        _run(plan, job, request)


def _run(plan: Plan, job: Job, request: TrainRequest) -> None:
    from shardplan.executor.planned.acceptance import check_ranks
    from shardplan.executor.planned.plan_view import view_plan
    from shardplan.executor.train.data.training_data import training_data
    from shardplan.executor.train.engine import build_engine
    from shardplan.executor.train.progress import shown_progress
    from shardplan.executor.train.training_loop import run_steps
    from shardplan.files import write_atomically

    view = view_plan(plan)
    check_ranks(view, job.world_size, job.local_world_size)
    samples = request.batch or view.training.local_batch
    data = training_data(request.data, view, samples, job.rank, request.seed)
    engine = build_engine(request.engine, _setup(plan, view, job, request))
    schedule, path = _schedule(request)
    if path is not None:
        engine.load(path)
    with shown_progress(job, schedule.steps) as report:
        found = run_steps(engine, data.batches, schedule, job, report)
    if request.measure and job.rank == 0:
        facts = {
            "format_version": "1.0",
            "plan": plan.name,
            "engine": request.engine,
            "world_size": job.world_size,
            "samples": samples,
        }
        write_atomically(request.measure, json.dumps(facts | found.as_json(), indent=2) + "\n")


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
        is_measured=request.measure is not None,
        allow_inexact=request.allow_inexact,
    )


def _schedule(request: TrainRequest) -> tuple[Schedule, Path | None]:
    """What to do when, and the checkpoint to begin with."""
    from shardplan.executor.checkpoint.checkpoint import latest_checkpoint, step_of
    from shardplan.executor.train.training_loop import Schedule

    folder = request.checkpoints
    path = latest_checkpoint(folder) if folder is not None and request.resume else None
    schedule = Schedule(
        steps=request.steps,
        first=0 if path is None else step_of(path),
        warm_up=min(request.warm_up, request.steps - 1),
        loss_every=request.loss_every,
        checkpoint_every=request.checkpoint_every,
        folder=folder,
    )
    return schedule, path
