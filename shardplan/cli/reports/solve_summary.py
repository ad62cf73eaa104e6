"""What to say of a plan that was just made."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from shardplan.explain.advice.advice import notes
from shardplan.explain.numbers.fullest import fullest
from shardplan.explain.numbers.timeline import timeline
from shardplan.explain.report.memory_words import use_words
from shardplan.explain.words import words
from shardplan.explain.words.large_gap import large_gap
from shardplan.explain.words.meanings import NONE_BETTER, TERMINATIONS
from shardplan.explain.words.moves_line import moves_line
from shardplan.plan.file.optimality import Termination
from shardplan.plan.throughput import Throughput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.explain.numbers.fullest import Fullest
    from shardplan.plan.file.plan import Plan


_MOST_PHASES = 3
_GOES_ON = (Termination.PATIENCE, Termination.TIME_LIMIT, Termination.INTERRUPTED)
"""Ends of a search that might have found more."""


def summary_lines(
    plan: Plan,
    case: Case,
    output: str,
    inexact_seconds: float | None = None,
    to_go_on: str = "",
    elapsed_seconds: float | None = None,
) -> Iterator[str]:
    """Step time, gap and bound, the worst devices, where the plan is, and what to do next.

    ``inexact_seconds`` bound plans that cut columns too; ``to_go_on`` is the
    command that goes on with the search. ``elapsed_seconds`` are those of the whole command, which
    its time limit counts too; None: of the plan.
    """
    claim, step = plan.optimality, words.seconds(plan.prediction.step_seconds)
    batch = case.samples
    elapsed = plan.run.elapsed_seconds if elapsed_seconds is None else elapsed_seconds
    rate = Throughput.of(batch, plan.prediction.step_seconds).samples_per_second
    yield (
        f"{plan.name}: {words.plural(plan.table_count, 'table')} on "
        f"{words.plural(plan.world_size, 'device')}, step {step}, {words.rate(rate)}"
    )
    yield (
        f"  {claim.objective} {words.seconds(claim.objective_seconds)}, "
        f"{NONE_BETTER[claim.objective]} than {words.seconds(claim.lower_bound_seconds)}: "
        f"gap {words.gap(claim.gap)} ({claim.status}; "
        f"{TERMINATIONS.get(claim.termination, claim.termination)} "
        f"after {elapsed:.1f} s)"
    )
    if large := large_gap(claim.objective_seconds, claim.lower_bound_seconds):
        yield f"  {large}"
    yield f"  longest phases: {', '.join(_slowest(plan))}"
    yield f"  fullest memory: {', '.join(map(_fullest, fullest(plan, case)))}"
    if plan.moves is not None:
        yield f"  {moves_line(plan.moves, claim.objective_seconds, plan.solver.gap)}"
    yield from (f"  note: {note}" for note in notes(plan, case))
    if inexact_seconds is not None:
        title = case.workload.training.optimizer.title
        yield (
            f"  note: columns are not cut, so that {title} trains exactly; with "
            f"training.exact_updates: false {NONE_BETTER[claim.objective]} than "
            f"{words.seconds(inexact_seconds)}"
        )
    if output != "-" and to_go_on and claim.termination in _GOES_ON and plan.moves is None:
        yield f"to go on: {to_go_on}"
    if output == "-":
        yield "next: write it to a file with -o plan.json, then shardplan explain plan.json"
    else:
        yield f"{output} written; next: shardplan explain {shlex.quote(output)}"


def _fullest(found: Fullest) -> str:
    """``hbm 63.1 GiB of 68.0 GiB on rank 3 (92.8%)``."""
    share = words.percent(found.use.fraction)
    return f"{found.tier} {use_words(found.use)} on {found.place} ({share})"


def _slowest(plan: Plan) -> Iterator[str]:
    """The three longest phases that the step waits for, with their slowest device."""
    spans = [span for span in timeline(plan.prediction) if not span.is_hidden]
    planned = [span for span in spans if span.name not in plan.prediction.dense_parts]
    for span in sorted(planned, key=lambda span: -span.seconds)[:_MOST_PHASES]:
        yield f"{span.name} {words.seconds(span.seconds)} ({words.rank(span.rank)})"
