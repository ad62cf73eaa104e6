"""``shardplan solve`` of a model that is served."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from shardplan.cli.output import put_file
from shardplan.cli.show import say_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.cli.solving.solve_request import SolveRequest
    from shardplan.serving.file.served_plan import ServedPlan
    from shardplan.solve.settings import Settings
    from shardplan.spec.loaded import LoadedSpec
    from shardplan.spec.spec import Spec


def solve_served(loaded: LoadedSpec, request: SolveRequest, search: Settings) -> None:
    """Write the plan, and say how good it is; raises as its parts do."""
    from shardplan.plan.file.reviewable_json import reviewable
    from shardplan.serving.planner import make_served_plan
    from shardplan.serving.served_case import build_served_case

    for option, is_given in (
        ("--resume", request.earlier is not None),
        ("--from", request.old is not None),
        ("--emit", request.emit is not None),
        (f"--method {request.method}", request.method not in ("auto", "milp")),
    ):
        if is_given:
            raise click.UsageError(f"{option} is for plans of training")
    case = build_served_case(loaded)
    plan = make_served_plan(case, search)
    put_file(reviewable(plan.model_dump(mode="json", exclude_unset=True)), request.output)
    if not request.quiet:
        say_lines(_summary(plan, case.spec, request.output))


def _summary(plan: ServedPlan, spec: Spec, output: str) -> Iterator[str]:
    from shardplan.explain.report.served.case_report import unknown_words
    from shardplan.explain.report.served.latency_sections import latency_lines
    from shardplan.explain.report.served.served_report import replica_words, title_of
    from shardplan.explain.words import words

    claim = plan.optimality
    yield title_of(plan)
    yield (
        f"  batch {words.seconds(claim.objective_seconds)}, none can be faster than "
        f"{words.seconds(claim.lower_bound_seconds)}: gap {words.gap(claim.gap)} "
        f"({claim.status}; after {plan.run.elapsed_seconds:.1f} s)"
    )
    busy = words.percent(plan.replicas.utilisation)
    yield f"  replicas {replica_words(plan)}; workers {busy} busy at the peak"
    yield from (f"  {line}" for line in latency_lines(plan))
    yield from (f"  note: {note}" for note in unknown_words(spec))
    if output == "-":
        yield "next: write it to a file with -o plan.json, then shardplan explain plan.json"
    else:
        yield f"{output} written; next: shardplan explain {shlex.quote(output)}"
