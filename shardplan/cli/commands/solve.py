"""``shardplan solve``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from shardplan.cli import completions
from shardplan.cli.inputs import READING_SECONDS, case_of_plan, file_label, plan_at
from shardplan.cli.interrupt import interruptible
from shardplan.cli.output import check_writable, put_file
from shardplan.cli.quantity import duration, percentage, size
from shardplan.cli.sectioned import SectionedCommand
from shardplan.cli.show import say_lines
from shardplan.cli.spec_changes import SPEC_CHANGES, changes_spec, settings_of
from shardplan.errors import Infeasible
from shardplan.solve.deadline import Deadline
from shardplan.solve.settings import METHODS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

    _Earlier = tuple[Plan, Case]

_DEFAULTS = Settings()
_PATIENCE_SECONDS = 10.0
"""How long to wait for something better where no limit is given."""
_ADVICE_SECONDS = 10.0
"""How long to look for what causes that there is no plan, and again for what would help."""
_EXACTNESS_SECONDS = 1.0
"""How long to ask what exact updates cost, once the plan is written."""

_GROUPS = {
    "The spec": SPEC_CHANGES,
    "Effort": ("method", "gap", "time_limit", "patience", "node_limit", "seed"),
    "From an earlier plan": ("earlier", "old", "move_budget", "keep"),
    "Output": ("output", "jobs", "format", "quiet"),
}


@click.command("solve", cls=SectionedCommand, groups=_GROUPS, exit_codes={3: "", 4: "", 130: ""})
@click.argument(
    "specs", nargs=-1, required=True, metavar="SPEC...", shell_complete=completions.files
)
@changes_spec
@click.option(
    "-j",
    "--jobs",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="With several specs: how many to solve at a time.",
)
@click.option(
    "-o",
    "--output",
    metavar="PLAN",
    default="-",
    shell_complete=completions.files,
    help="Where to write the plan, or the folder for those of several specs; else stdout.",
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
    "--patience",
    type=duration,
    help="Stop when neither plan nor bound improved for so long; 10s where no limit is given.",
)
@click.option(
    "--node-limit",
    metavar="N",
    type=click.IntRange(min=1),
    help="Nodes of each branch-and-bound tree; unlike time, the same on every machine.",
)
@click.option(
    "--resume",
    "earlier",
    metavar="PLAN",
    shell_complete=completions.files,
    help="Tighten an earlier plan of this spec, and its bound.",
)
@click.option(
    "--from",
    "old",
    metavar="PLAN",
    shell_complete=completions.files,
    help="Begin with an old plan, and stay near it.",
)
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
@click.pass_context
def solve_command(
    ctx: click.Context,
    specs: tuple[str, ...],
    topology: str | None,
    nodes: int | None,
    settings: tuple[str, ...],
    jobs: int,
    output: str,
    method: str,
    gap: float,
    time_limit: float,
    patience: float | None,
    node_limit: int | None,
    earlier: str | None,
    old: str | None,
    move_budget: int | None,
    keep: bool,
    seed: int,
    quiet: bool,
) -> None:
    """Find the best plan for a spec.

    The plan goes to stdout, or with -o to a file that is written whole or not at all; how good it
    is goes to stderr. With -o the first plan is in the file at once, and better ones take its
    place. Ctrl-C stops the search and writes the best plan so far.

    Without a limit of your own the search also ends when nothing improves any more. --resume goes
    on from such a plan: it is the first one, and its bound holds while the inputs are the same.

    With --from, tables keep their places where that costs little. --move-budget limits the bytes
    of weights and optimizer state that ranks must fetch, as `shardplan diff` counts them, and the
    lower bound then holds for plans that move no more. --keep moves nothing: only tables that the
    old plan has no place for are placed. Both ignore --method.

    --set puts another value in place of one of the spec: the path of a key, and YAML, such as
    tables.t_1.rows=4e7 or 'batch={local: 4096}'. --nodes N is --set topology.nodes=N.

    Several specs get a plan each in the folder that -o names, and one table sums them up. One that
    fails does not stop the others; the exit code is the largest of theirs.

    \b
    Examples:
      shardplan solve model.yaml --gap 0.1% --time-limit 10min -o plan.json
      shardplan solve model.yaml --from old.json --move-budget 200GiB -o plan.json
    """
    _check_earlier(specs, earlier, old, move_budget, keep)
    if len(specs) > 1:
        from shardplan.cli.solve_many import options_given, solve_many, tasks_of

        ctx.exit(solve_many(tasks_of(specs, output), options_given(ctx), jobs, quiet))
    deadline = Deadline.after(time_limit + READING_SECONDS)
    # From here on, so that a Ctrl-C while modules load or the spec is read is remembered.
    with interruptible() as interrupt:
        from shardplan.case import build_case
        from shardplan.cli.reports.solve_summary import summary_lines
        from shardplan.plan.file.write import render
        from shardplan.spec.load import load_spec

        check_writable(output)
        case = build_case(load_spec(specs[0], settings_of(topology, nodes, settings)))
        asked = Settings(
            method,
            gap,
            time_limit,
            node_limit,
            seed,
            interrupt.is_requested,
            patience_seconds=_patience(patience),
        )
        near = _Near(*_old_plan(old), move_budget, keep) if old is not None else None
        known = _old_plan(earlier) if earlier is not None else None
        deadline = deadline.within(time_limit).unless(interrupt.is_requested)
        try:
            plan = _solve(case, asked.until(deadline), quiet, output, near or known)
        except Infeasible as error:
            raise _with_advice(error, case, deadline, interrupt.is_requested) from None
        put_file(render(plan), output)
        if not quiet:
            from shardplan.whatif.exactness import inexact_bound

            inexact = None
            if near is None and not interrupt.is_requested():
                asking = Deadline.after(_EXACTNESS_SECONDS).unless(interrupt.is_requested)
                inexact = inexact_bound(case, asking)
            say_lines(summary_lines(plan, case, output, inexact, specs[0]))


def _patience(asked: float | None) -> float | None:
    """How long to wait for something better; with a limit given by hand, as long as that lasts."""
    context = click.get_current_context()
    given = (context.get_parameter_source(name) for name in ("time_limit", "node_limit"))
    if asked is None and all(source is ParameterSource.DEFAULT for source in given):
        return _PATIENCE_SECONDS
    return asked


def _check_earlier(
    specs: tuple[str, ...],
    earlier: str | None,
    old: str | None,
    move_budget: int | None,
    keep: bool,
) -> None:
    if earlier is not None and old is not None:
        raise click.UsageError("--resume and --from exclude each other")
    if earlier is not None and len(specs) > 1:
        raise click.UsageError("--resume goes with one SPEC")
    if earlier == "-" and "-" in specs:
        raise click.UsageError("only one of SPEC and --resume can be stdin")
    if old is None and (keep or move_budget is not None):
        raise click.UsageError("--move-budget and --keep go with --from")
    if keep and move_budget is not None:
        raise click.UsageError("--move-budget and --keep exclude each other")
    if old == "-" and (specs == ("-",) or len(specs) > 1):
        raise click.UsageError("--from cannot be stdin for several specs, or for a spec from stdin")


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


def _solve(
    case: Case, settings: Settings, quiet: bool, output: str, earlier: _Near | _Earlier | None
) -> Plan:
    """Solve with progress on stderr, from or near an earlier plan where there is one."""
    from shardplan.cli.improving_plan import ImprovingPlan
    from shardplan.cli.reports.progress import progress
    from shardplan.planning.planner import make_plan

    with progress(quiet) as reporter:
        put = ImprovingPlan(output, reporter.say).put
        if earlier is None:
            return make_plan(case, settings, reporter, on_plan=put)
        if not isinstance(earlier, _Near):
            from shardplan.whatif.resume import resume

            found = resume(*earlier, case)
            if found.doubt:
                reporter.say(f"{found.doubt}: the search begins with it, without its bound")
            start = found.decisions
            return make_plan(case, settings, reporter, start, proven=found.proven, on_plan=put)
        from shardplan.whatif.move_little import move_little
        from shardplan.whatif.replan import replan

        if earlier.move_budget_bytes is None and not earlier.keep:
            return move_little(earlier.plan, earlier.case, case, settings, reporter, put)
        budget = earlier.move_budget_bytes
        return replan(earlier.plan, earlier.case, case, budget, settings, reporter, put)


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
    # Rules that leave a table no way at all are named with it, and no other fact is needed.
    is_told = any(short.reasons for short in error.shortfalls)
    facts = () if is_told else conflict(replace(trials, deadline=deadline.within(seconds)))
    return Infeasible(error.shortfalls, facts, [remedy.words for remedy in found])
