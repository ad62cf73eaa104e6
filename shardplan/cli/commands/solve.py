"""``shardplan solve``."""

from __future__ import annotations

import click
from click.core import ParameterSource

from shardplan.cli import completions
from shardplan.cli.given_options import given_options
from shardplan.cli.quantity import duration, percentage, size, span
from shardplan.cli.sectioned import SectionedCommand
from shardplan.cli.solving.solve_request import SolveRequest
from shardplan.cli.spec_changes import SPEC_CHANGES, changes_spec
from shardplan.solve.settings import METHODS, Settings
from shardplan.surroundings import cores

_DEFAULTS = Settings()

_GROUPS = {
    "The spec": SPEC_CHANGES,
    "Effort": ("method", "gap", "time_limit", "patience", "node_limit", "seed", "threads"),
    "From an earlier plan": ("earlier", "old", "move_budget", "keep", "amortise"),
    "Output": ("output", "emit", "jobs", "format", "quiet"),
}
_NEW_WHEN_RESUMED = frozenset({"output", "emit", *_GROUPS["From an earlier plan"]})
"""Parameters that another run does not get again when it goes on from the plan of this one."""


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
    help="Stop so long after the spec is read, with the best plan so far.",
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
    help="One pass, of trees with so many nodes each; unlike time, the same on every machine.",
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
    "--amortise",
    metavar="SPAN",
    type=span,
    help="With --from: what moves pays for itself in so long: 12h, '10000 steps'; else 1d.",
)
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(min=0),
    default=_DEFAULTS.seed,
    show_default=True,
    help="Seed of the random numbers; the same seed repeats a search.",
)
@click.option(
    "--threads",
    metavar="N",
    type=click.IntRange(min=1),
    default=cores,
    show_default="all cores the process may use",
    envvar="SHARDPLAN_THREADS",
    show_envvar=True,
    help="Searches side by side; the same number of them repeats a plan.",
)
@click.option(
    "--format",
    type=click.Choice(["json"]),
    expose_value=False,
    help="Format of the plan file.",
)
@click.option(
    "--emit",
    type=click.Choice(["launch"]),
    help="With -o: write beside the plan what starts its job under torchrun, Slurm, Kubernetes.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong.")
@click.pass_context
def solve_command(ctx: click.Context, /, **_: object) -> None:
    """Find the best plan for a spec.

    The plan goes to stdout, or with -o to a file that is written whole or not at all; how good it
    is goes to stderr. With -o the first plan is in the file at once, and better ones take its
    place. Ctrl-C stops the search and writes the best plan so far.

    Under --time-limit the search goes on until the gap is proven or the time is up. Without a limit
    of your own it also ends when nothing improves any more. --resume goes on from such a plan: it
    is the first one, and its bound holds while the inputs are the same.

    With --from, tables keep their places where that costs little: a byte moves only for a step so
    much shorter that it pays for the move within --amortise, and for more than --gap. A move takes
    as if one byte came after the other over the slowest link. --move-budget limits the bytes
    of weights and optimizer state that ranks must fetch, as `shardplan diff` counts them, and the
    lower bound then holds for plans that move no more. --keep moves nothing: only tables that the
    old plan has no place for are placed. Both ignore --method.

    --set puts another value in place of one of the spec: the path of a key, and YAML, such as
    tables.t_1.rows=4e7 or 'batch={local: 4096}'. --nodes N is --set topology.nodes=N.

    --emit launch writes what starts the plan's job, as `shardplan convert` does: of plan.json
    plan.torchrun.sh, plan.slurm.sh and plan.kubernetes.yaml.

    Several specs get a plan each in the folder that -o names, and one table sums them up. One that
    fails does not stop the others; the exit code is the largest of theirs.

    \b
    Examples:
      shardplan solve model.yaml --gap 0.1% --time-limit 10min -o plan.json
      shardplan solve model.yaml --from old.json --move-budget 200GiB -o plan.json
    """
    limits = (ctx.get_parameter_source(name) for name in ("time_limit", "node_limit"))
    is_limited = any(source is not ParameterSource.DEFAULT for source in limits)
    again = tuple(given_options(ctx, but=_NEW_WHEN_RESUMED))
    request = SolveRequest(**ctx.params, is_limited=is_limited, again=again)
    request.check()
    if len(request.specs) > 1:
        from shardplan.cli.solving.solve_many import OWN, solve_many, tasks_of

        tasks = tasks_of(request.specs, request.output)
        options = given_options(ctx, but=OWN)
        if ctx.get_parameter_source("threads") is ParameterSource.DEFAULT:
            options.append(f"--threads={max(1, request.threads // request.jobs)}")
        ctx.exit(solve_many(tasks, options, request.jobs, request.quiet))
    from shardplan.cli.solving.solve_one import solve_one

    solve_one(request)
