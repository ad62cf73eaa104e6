"""What a person sees of training: a bar on stderr, losses on stdout."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shardplan.executor.train.job import Job
    from shardplan.executor.train.training_loop import Progress


@contextmanager
def shown_progress(job: Job, steps: int) -> Iterator[Callable[[Progress], None]]:
    """Rank 0 shows a bar on stderr, where that is a terminal, and prints losses on stdout."""
    if job.rank != 0:
        yield lambda progress: None
        return
    console = Console(stderr=True)
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("training", total=steps)

        def report(progress: Progress) -> None:
            bar.advance(task)
            if progress.mean_loss is not None:
                click.echo(f"step {progress.step}  loss {progress.mean_loss:.6f}")

        yield report
