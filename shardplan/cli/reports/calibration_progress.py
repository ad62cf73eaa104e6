"""How far a calibration is, on stderr while it runs."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shardplan.cli.output import tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shardplan.calibrate.measure.session import Step

_LINE_EVERY_SECONDS = 10.0


@contextmanager
def calibration_progress(quiet: bool) -> Iterator[Callable[[Step], None]]:
    """What to call at every step: a bar on a terminal, a line every ten seconds elsewhere."""
    if quiet:
        yield lambda step: None
    elif sys.stderr.isatty():
        with _bar() as report:
            yield report
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[Callable[[Step], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("calibrating")

        def report(step: Step) -> None:
            progress.update(
                task,
                description=f"calibrating: {step.done} measured",
                completed=step.fraction,
                total=1.0,
            )

        yield report


def _lines() -> Callable[[Step], None]:
    next_seconds = _LINE_EVERY_SECONDS

    def report(step: Step) -> None:
        nonlocal next_seconds
        if step.elapsed_seconds >= next_seconds:
            next_seconds = step.elapsed_seconds + _LINE_EVERY_SECONDS
            tell(f"{step.elapsed_seconds:.0f}s  {step.done} of {step.tasks} tasks")

    return report
