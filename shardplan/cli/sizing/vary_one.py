"""One spec, on machines that do not exist yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from shardplan.cli.exit_code import ExitCode
from shardplan.cli.interrupt import interruptible
from shardplan.cli.output import check_writable, put, put_file
from shardplan.cli.show import FORMATS, show

if TYPE_CHECKING:
    from shardplan.cli.sizing.size_request import SizeRequest


def vary_one(request: SizeRequest) -> ExitCode:
    """Write what other machines would do; raises as its parts do, and for wrong usage."""
    if request.form not in FORMATS:
        raise click.BadParameter(f"--vary is not told as {request.form}", param_hint="'--format'")
    if request.plans is not None:
        raise click.BadParameter("--vary has no front whose plans to write", param_hint="'--plans'")
    with interruptible("stopping with what is known so far") as interrupt:
        from shardplan.cli.sizing.vary_report import vary_report
        from shardplan.size.search.size_settings import SizeSettings
        from shardplan.size.space.build_space import build_space
        from shardplan.size.vary.vary import vary
        from shardplan.spec.load import load_spec

        check_writable(request.output, [request.spec])
        space = build_space(load_spec(request.spec, request.settings))
        settings = SizeSettings(
            gap=request.gap,
            time_limit_seconds=request.time_limit,
            solve_seconds=request.solve_limit,
            seed=request.seed,
            should_stop=interrupt.is_requested,
        )
        deadline = settings.deadline()
        rough, in_full = (
            settings.of_solve(deadline, in_full=each).settings(interrupt.is_requested)
            for each in (False, True)
        )
        found = vary(space, request.vary, rough, request.budget, lambda: deadline.is_over, in_full)
        shown = show(found, lambda: vary_report(found), request.form, request.width)
        if request.output == "-":
            put(shown)
        else:
            put_file(shown, request.output)
        is_empty = interrupt.is_requested() and not found.machines
        return ExitCode.INTERRUPTED if is_empty else ExitCode.DONE
