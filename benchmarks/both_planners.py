"""The drop-in planner beside TorchRec's, by TorchRec's own estimator, on drawn jobs.

    python benchmarks/both_planners.py --models 30

Both are told the same; seconds are those of a core. Needs torchrec.
"""

from __future__ import annotations

import logging
import statistics
import sys
import time
import warnings
from dataclasses import dataclass
from typing import Any

import click
import torch
from drawn_jobs import DrawnJob
from report import as_markdown, number
from torchrec.distributed.planner import EmbeddingShardingPlanner
from torchrec.distributed.planner.perf_models import NoopPerfModel

from shardplan.torchrec import Planner

HEADER = ("model", "ranks", "ms", "TorchRec's ms", "faster by", "gap", "CPU s", "TorchRec's CPU s")
_ROUNDED = 1e-8
"""What plan files keep of a number."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One job planned by both."""

    tables: int
    ranks: int
    milliseconds: float
    """Of the busiest rank, by TorchRec's estimator."""
    torchrec_milliseconds: float
    gap: float
    cpu_seconds: float
    torchrec_cpu_seconds: float

    @property
    def is_slower(self) -> bool:
        """Whether the drop-in's plan is."""
        return self.milliseconds > self.torchrec_milliseconds * (1 + _ROUNDED)


def compare(job: DrawnJob, **more: Any) -> Pair:
    """Plan a job by both planners; ``more`` is told to the drop-in alone."""
    seen: list[Any] = []
    begun = time.process_time()

    def keep(options: list[Any]) -> list[Any]:
        seen.append(options)
        return options

    planner = Planner(**job.arguments(), callbacks=[keep], **more)
    planner.plan(job.model, job.sharders)
    middle = time.process_time()
    theirs = EmbeddingShardingPlanner(**job.arguments())
    theirs.plan(job.model, job.sharders)
    ended = time.process_time()
    rate = NoopPerfModel(topology=job.topology()).rate
    return Pair(
        len(job.constraints),
        job.world_size,
        rate(plan=seen[0]),
        rate(plan=theirs._best_plan),  # noqa: SLF001
        planner.made.optimality.gap or 0.0,
        middle - begun,
        ended - middle,
    )


def as_line(pair: Pair) -> tuple[str, ...]:
    """In the order of ``HEADER``."""
    return (
        f"{pair.tables} tables",
        str(pair.ranks),
        number(pair.milliseconds, 4),
        number(pair.torchrec_milliseconds, 4),
        f"{pair.torchrec_milliseconds / pair.milliseconds - 1:.2%}",
        f"{pair.gap:.2%}",
        number(pair.cpu_seconds, 3),
        number(pair.torchrec_cpu_seconds, 3),
    )


@click.command()
@click.option("--models", default=30, help="How many, drawn from seeds 0, 1, ...")
@click.option("--tables", default=0, help="Of each; 0: 2 to 24, in several modules.")
def main(models: int, tables: int) -> None:
    """Compare both on drawn jobs; prints Markdown, and last how many plans are slower."""
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    pairs = []
    for seed in range(models):
        job = DrawnJob.of(seed, tables) if tables else DrawnJob.mixed(seed)
        pairs.append(compare(job))
        print(as_line(pairs[-1]), file=sys.stderr)
    click.echo(as_markdown(HEADER, list(map(as_line, pairs))), nl=False)
    slower = sum(pair.is_slower for pair in pairs)
    speed = statistics.geometric_mean(p.torchrec_milliseconds / p.milliseconds for p in pairs)
    work = statistics.geometric_mean(p.cpu_seconds / p.torchrec_cpu_seconds for p in pairs)
    click.echo(f"\nslower: {slower} of {len(pairs)}; TorchRec's plans take {speed:.3f} times as "
               f"long; planning takes {work:.2f} times TorchRec's CPU time")  # fmt: skip


if __name__ == "__main__":
    main()
