"""``shardplan solve``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from shardplan.cli.inputs import READING_SECONDS, case_of_plan, file_label, plan_at
from shardplan.cli.interrupt import interruptible
from shardplan.cli.output import check_writable, put_file, tell
from shardplan.cli.quantity import duration, percentage, size
from shardplan.cli.sectioned import SectionedCommand
from shardplan.errors import Infeasible
from shardplan.solve.deadline import Deadline
from shardplan.solve.settings import METHODS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

_DEFAULTS = Settings()
_ADVICE_SECONDS = 10.0
"""How long to look for what causes that there is no plan, and again for what would help."""

_GROUPS = {
    "Effort": ("method", "gap", "time_limit", "node_limit", "seed"),
    "Near an old plan": ("old", "move_budget", "keep"),
    "Output": ("output", "format", "quiet"),
}


@click.command("solve", cls=SectionedCommand, groups=_GROUPS, exit_codes={3: "", 4: "", 130: ""})
@click.argument("spec")
@click.option(
    "-o",
    "--output",
    metavar="PLAN",
    default="-",
    help="Where to write the plan; else stdout.",
)
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default=_DEFAULTS.method,
    show_default=True,
    help="How to search; `shardplan list methods` says what each does.",
)
@click.option(
    "--gap",
    type=percentage,
    default=f"{100 * _DEFAULTS.gap:g}%",
    show_default=True,
    help="Stop once the plan is proven to be this close to the best.",
)
@click.option(
    "--time-limit",
    type=duration,
    default=f"{_DEFAULTS.time_limit_seconds:g}s",
    show_default=True,
    help="Stop after this long with the best plan so far.",
)
@click.option(
    "--node-limit",
    metavar="N",
    type=click.IntRange(min=1),
    help="Nodes of each branch-and-bound tree; unlike time, the same on every machine.",
)
@click.option("--from", "old", metavar="PLAN", help="Begin with an old plan, and stay near it.")
@click.option(
    "--move-budget",
    metavar="SIZE",
    type=size,
    help="With --from: the most bytes that may move, such as 200GiB; no limit if left out.",
)
@click.option("--keep", is_flag=True, help="With --from: move nothing that can stay.")
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(min=0),
    default=_DEFAULTS.seed,
    show_default=True,
    help="Seed of the random numbers; the same seed repeats a search.",
)
@click.option(
    "--format",
    type=click.Choice(["json"]),
    expose_value=False,
    help="Format of the plan file.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong.")
def solve_command(
    spec: str,
    output: str,
    method: str,
    gap: float,
    time_limit: float,
    node_limit: int | None,
    old: str | None,
    move_budget: int | None,
    keep: bool,
    seed: int,
    quiet: bool,
) -> None:
    """Find the best plan for a spec.

    The plan goes to stdout, or with -o to a file that is written whole or not at all; how good it
    is goes to stderr. Ctrl-C stops the search and writes the best plan so far.

    With --from, tables keep their places where that costs little. --move-budget limits the bytes
    of weights and optimizer state that ranks must fetch, as `shardplan diff` counts them, and the
    lower bound then holds for plans that move no more. --keep moves nothing: only tables that the
    old plan has no place for are placed. Both ignore --method.

    \b
    Examples:
      shardplan solve model.yaml --gap 0.1% --time-limit 10min -o plan.json
      shardplan solve model.yaml --from old.json --move-budget 200GiB -o plan.json
    """
    _check_near(spec, old, move_budget, keep)
    deadline = Deadline.after(time_limit + READING_SECONDS)
    # From here on, so that a Ctrl-C while modules load or the spec is read is remembered.
    with interruptible() as interrupt:
        from shardplan.case import build_case
        from shardplan.cli.reports.solve_summary import summary_lines
        from shardplan.plan.file.write import render
        from shardplan.spec.load import load_spec

        check_writable(output)
        case = build_case(load_spec(spec))
        asked = Settings(method, gap, time_limit, node_limit, seed, interrupt.is_requested)
        near = _Near(*_old_plan(old), move_budget, keep) if old is not None else None
        deadline = deadline.within(time_limit)
        try:
            plan = _solve(case, asked.until(deadline), quiet, near)
        except Infeasible as error:
            raise _with_advice(error, case, deadline, interrupt.is_requested) from None
        put_file(render(plan), output)
    for line in [] if quiet else summary_lines(plan, case, output):
        tell(line)


def _check_near(spec: str, old: str | None, move_budget: int | None, keep: bool) -> None:
    if old is None and (keep or move_budget is not None):
        raise click.UsageError("--move-budget and --keep go with --from")
    if keep and move_budget is not None:
        raise click.UsageError("--move-budget and --keep exclude each other")
    if old == spec == "-":
        raise click.UsageError("only one of SPEC and --from can be stdin")


def _old_plan(path: str) -> tuple[Plan, Case]:
    """An old plan, and what it was made for."""
    plan = plan_at(path)
    return plan, case_of_plan(plan, file_label(path))


@dataclass(frozen=True, slots=True)
class _Near:
    """An old plan, what it was made for, and how much of it may move."""

    plan: Plan
    case: Case
    move_budget_bytes: int | None
    keep: bool


def _solve(case: Case, settings: Settings, quiet: bool, near: _Near | None) -> Plan:
    """Solve with progress on stderr, near an old plan where there is one."""
    from shardplan.cli.reports.progress import progress
    from shardplan.planner import make_plan

    with progress(quiet) as reporter:
        if near is None:
            return make_plan(case, settings, reporter)
        from shardplan.whatif.old_plan import carry
        from shardplan.whatif.replan import replan

        if near.move_budget_bytes is None and not near.keep:
            known = carry(near.plan, near.case, case).decisions
            return make_plan(case, settings, reporter, known)
        budget = near.move_budget_bytes
        return replan(near.plan, near.case, case, budget, settings, reporter)


def _with_advice(
    error: Infeasible, case: Case, deadline: Deadline, should_stop: Callable[[], bool]
) -> Infeasible:
    """The same with what causes it and what would help, as far as a few seconds tell."""
    from shardplan.whatif.conflict import conflict
    from shardplan.whatif.remedies import remedies
    from shardplan.whatif.trials import Trials

    if deadline.is_over or should_stop():
        return error
    seconds = min(_ADVICE_SECONDS, deadline.seconds_left / 2)
    trials = Trials(case, deadline.within(seconds), should_stop)
    found = remedies(trials)
    facts = conflict(replace(trials, deadline=deadline.within(seconds)))
    return Infeasible(error.shortfalls, facts, [remedy.words for remedy in found])
