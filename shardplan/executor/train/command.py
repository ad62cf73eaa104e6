"""``python -m shardplan.executor train``."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shardplan.errors import RankLost, ShardplanError
from shardplan.units import UnitError, parse_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.executor.train.engine import EngineSetup
    from shardplan.executor.train.job import Job
    from shardplan.executor.train.training_loop import Progress
    from shardplan.plan.file.plan import Plan

_INVALID, _LOST = 2, 1
_NO_CHECKPOINTS = "under TorchRec this command neither writes nor reads checkpoints"
_NATIVE_ALONE = {
    "checkpoints": _NO_CHECKPOINTS,
    "checkpoint_every": _NO_CHECKPOINTS,
    "resume": _NO_CHECKPOINTS,
    "ssd_folder": "FBGEMM keeps rows on SSD in a store of its own",
}
"""Options that the other engine cannot heed, and why."""


def size(text: str) -> int:
    """The bytes of ``80GiB``; wrong usage where it cannot be read."""
    try:
        return parse_bytes(text)
    except UnitError as error:
        raise click.BadParameter(f"{error}; for example 80GiB") from None


@click.command("train")
@click.argument("plan", type=click.Path(path_type=Path))
@click.option(
    "--engine",
    type=click.Choice(["native", "torchrec"]),
    default="native",
    show_default=True,
    help="What trains: torch.distributed alone, or TorchRec.",
)
@click.option(
    "--steps",
    metavar="N",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="How many steps; with --resume so many more.",
)
@click.option(
    "--batch", metavar="N", type=click.IntRange(1), help="Samples of a rank; else the plan's own."
)
@click.option(
    "--data",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Criteo's samples, .tsv or .parquet; else synthetic ones.",
)
@click.option(
    "--learning-rate",
    metavar="RATE",
    type=float,
    default=0.05,
    show_default=True,
    help="Of tables and dense layers.",
)
@click.option(
    "--seed",
    metavar="N",
    type=int,
    default=0,
    show_default=True,
    help="Of initial weights and synthetic samples.",
)
@click.option(
    "--hbm",
    metavar="SIZE",
    type=size,
    help="What a rank may take of its device, such as 80GiB; else no limit.",
)
@click.option("--ddr", metavar="SIZE", type=size, help="The same of its node's memory.")
@click.option("--ssd", metavar="SIZE", type=size, help="The same of its node's disk.")
@click.option(
    "--ssd-folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where rows on SSD lie.",
)
@click.option(
    "--checkpoints",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Write checkpoints here; of the native engine.",
)
@click.option(
    "--checkpoint-every",
    metavar="N",
    type=click.IntRange(1),
    help="Steps between checkpoints; else at the end only.",
)
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint of the folder.")
@click.option(
    "--measure",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write here what `shardplan explain --measured` reads.",
)
@click.option(
    "--warm-up",
    metavar="N",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="Steps before those that are measured.",
)
@click.option(
    "--loss-every",
    metavar="N",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Steps between losses on stdout.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=float,
    default=300.0,
    show_default=True,
    help="How long a rank waits for others before it takes them for lost.",
)
@click.option("--allow-inexact", is_flag=True, help="Let TorchRec change the optimizer's updates.")
@click.pass_context
def train(ctx: click.Context, /, **given: Any) -> None:
    """Train a small DLRM whose tables are sharded by a plan.

    Runs under torchrun, with as many processes, and as many per node, as the plan has devices.
    Losses go to stdout, a progress bar to stderr. Needs PyTorch: pip install 'shardplan[executor]'.

    \b
    Examples:
      torchrun --nproc-per-node 2 -m shardplan.executor train plan.json --steps 20
      torchrun --nproc-per-node 2 -m shardplan.executor train plan.json --measure measured.json

    Exit codes: 0 done; 1 a rank was lost, or internal error; 2 wrong usage or invalid input.
    """
    try:
        _train(**given)
    except ShardplanError as error:
        click.echo(f"error: {error}", err=True)
        ctx.exit(_LOST if isinstance(error, RankLost) else _INVALID)


def _train(plan: Path, **given: Any) -> None:
    from shardplan.executor.train.job import joined
    from shardplan.plan.file.read import read_plan

    _check_options(given)
    read = read_plan(plan)
    with joined(given["timeout"]) as job:
        _run(read, job, given)


def _check_options(given: dict[str, Any]) -> None:
    """Raise UsageError for options that would do nothing: silence would pass for a promise."""
    for name, reason in _NATIVE_ALONE.items():
        if given[name] and given["engine"] != "native":
            raise click.UsageError(f"{_option(name)} is for --engine native: {reason}")
    for name in ("resume", "checkpoint_every"):
        if given[name] and given["checkpoints"] is None:
            raise click.UsageError(f"{_option(name)} needs --checkpoints")


def _run(plan: Plan, job: Job, given: dict[str, Any]) -> None:
    from shardplan.executor.planned.acceptance import check_ranks
    from shardplan.executor.planned.plan_view import view_plan
    from shardplan.executor.train.engine import build_engine
    from shardplan.executor.train.training_data import training_data
    from shardplan.executor.train.training_loop import run_steps
    from shardplan.files import write_atomically

    view = view_plan(plan)
    check_ranks(view, job.world_size, job.local_world_size)
    samples = given["batch"] or view.training.local_batch
    data = training_data(given["data"], view, samples, job.rank, given["seed"])
    engine = build_engine(given["engine"], _setup(plan, job, given))
    schedule, path = _schedule(given)
    if path is not None:
        engine.load(path)
    with _progress(job, schedule.steps) as report:
        found = run_steps(engine, data.batches, schedule, job, report)
    if given["measure"] and job.rank == 0:
        facts = {
            "format_version": "1.0",
            "plan": plan.name,
            "engine": given["engine"],
            "world_size": job.world_size,
            "samples": samples,
        }
        write_atomically(given["measure"], json.dumps(facts | found, indent=2) + "\n")


def _setup(plan: Plan, job: Job, given: dict[str, Any]) -> EngineSetup:
    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.planned.plan_view import view_plan
    from shardplan.executor.train.engine import EngineSetup
    from shardplan.executor.train.synthetic_data import DENSE_FEATURES

    view = view_plan(plan)
    return EngineSetup(
        plan=plan,
        view=view,
        optimizer=OptimizerSettings(view.training.optimizer, given["learning_rate"]),
        device=job.device,
        dense_features=DENSE_FEATURES,
        seed=given["seed"],
        timeout_seconds=given["timeout"],
        hbm_bytes=given["hbm"],
        ddr_bytes=given["ddr"],
        ssd_bytes=given["ssd"],
        ssd_folder=_of_rank(given["ssd_folder"], job),
        is_measured=given["measure"] is not None,
        allow_inexact=given["allow_inexact"],
    )


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _of_rank(folder: Path | None, job: Job) -> Path | None:
    return None if folder is None else folder / f"rank-{job.rank}"


def _schedule(given: dict[str, Any]) -> tuple[Any, Path | None]:
    """What to do when, and the checkpoint to begin with."""
    from shardplan.executor.checkpoint.checkpoint import latest_checkpoint
    from shardplan.executor.train.training_loop import Schedule

    folder = given["checkpoints"]
    path = latest_checkpoint(folder) if given["resume"] else None
    schedule = Schedule(
        steps=given["steps"],
        first=0 if path is None else int(path.name.removeprefix("step-")),
        warm_up=min(given["warm_up"], given["steps"] - 1),
        loss_every=given["loss_every"],
        checkpoint_every=given["checkpoint_every"],
        folder=folder,
    )
    return schedule, path


@contextmanager
def _progress(job: Job, steps: int) -> Iterator[Any]:
    """Rank 0 shows a bar on stderr, where that is a terminal, and prints losses on stdout."""
    if job.rank != 0:
        yield lambda progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("training", total=steps)

        def report(progress: Progress) -> None:
            bar.advance(task)
            if progress.mean_loss is not None:
                click.echo(f"step {progress.step}  loss {progress.mean_loss:.6f}")

        yield report
