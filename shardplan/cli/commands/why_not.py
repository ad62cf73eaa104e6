"""``shardplan explain --why-not CHOICE``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from shardplan.cli.interrupt import interruptible
from shardplan.cli.show import show

if TYPE_CHECKING:
    from shardplan.explain.numbers.study import Study


def why_not_text(
    study: Study, choice: str, form: str, width: int | None, time_limit_seconds: float
) -> str:
    """The answer to ``--why-not``, with progress on stderr while it is solved for."""
    from shardplan.cli.reports.progress import progress
    from shardplan.explain.report.why_not_report import why_not_report
    from shardplan.solve.settings import Settings
    from shardplan.whatif.choice import Choice, ChoiceError
    from shardplan.whatif.why_not import why_not

    try:
        wanted = Choice.parse(choice, study.case)
    except ChoiceError as error:
        raise click.BadParameter(str(error), param_hint="--why-not") from None
    with interruptible() as interrupt, progress(quiet=False) as reporter:
        settings = Settings(
            time_limit_seconds=time_limit_seconds,
            seed=study.plan.solver.seed,
            should_stop=interrupt.is_requested,
        )
        decisions = study.ledger.decisions
        found = why_not(study.plan, study.case, decisions, wanted, settings, reporter)
    return show(found, lambda: why_not_report(found), form, width)
