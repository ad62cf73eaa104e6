"""One spec, tuned."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.cli.inputs import plan_at
from shardplan.cli.interrupt import interruptible
from shardplan.cli.output import put_file
from shardplan.cli.spec_changes import settings_of
from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shardplan.case import Case
    from shardplan.cli.tuning.tune_request import TuneRequest
    from shardplan.plan.file.plan import Plan
    from shardplan.tune.folder.tune_folder import TuneFolder
    from shardplan.tune.tuned import Tuned
    from shardplan.tune.tuning import Tuning

_NOT_IN_NAMES = re.compile(r"[^\w.+-]")
_LONGEST_NAME = 60
_PATIENCE = 0.3
"""Of the time for a solve: for so long without a better plan or bound it goes on."""


def tune_one(request: TuneRequest) -> Tuned:
    """Tune, and leave plans, measurements and the corrected cost model in the folder."""
    with interruptible() as interrupt:
        from shardplan.build_case import build_case
        from shardplan.cli.reports.yaml_text import yaml_text
        from shardplan.spec.load import load_spec
        from shardplan.tune.folder.tune_folder import COST_MODEL, TuneFolder

        changes = settings_of(request.topology, request.nodes, request.settings)
        case = build_case(load_spec(request.spec, changes))
        with TuneFolder(Path(request.output)).opened() as folder:
            tuning = _tuning(request, case, folder, interrupt.is_requested)
            found = tuning.run()
            value = tuning.cost_model()
            if value is not None:
                put_file(yaml_text(value), str(folder.path / COST_MODEL))
            return found


def _tuning(
    request: TuneRequest, case: Case, folder: TuneFolder, should_stop: Callable[[], bool]
) -> Tuning:
    from shardplan.cli.reports.tune_progress import TellingTuneReporter
    from shardplan.plan.file.fingerprint import fingerprint
    from shardplan.solve.deadline import Deadline
    from shardplan.solve.settings import Settings
    from shardplan.tune.candidates.solving import Solving
    from shardplan.tune.folder.tune_state import JobFacts
    from shardplan.tune.ledger_of_runs import LedgerOfRuns
    from shardplan.tune.tune_params import TuneParams
    from shardplan.tune.tune_reporter import TuneReporter
    from shardplan.tune.tuning import Tuning

    budget = Deadline.after(request.budget)
    job = request.job(case, should_stop, budget)
    given = list(_given(request.given, case))
    params = TuneParams(rounds=request.rounds, patience=request.patience)
    facts = JobFacts(spec_sha256=fingerprint(case.resolved), command=job.words)
    settings = Settings(
        time_limit_seconds=request.time_limit,
        seed=request.seed,
        should_stop=should_stop,
        patience_seconds=request.time_limit * _PATIENCE,
    )
    return Tuning(
        case,
        job,
        LedgerOfRuns(folder, facts, case, params.race),
        folder,
        Solving(settings),
        given,
        params,
        budget,
        should_stop,
        TuneReporter() if request.quiet else TellingTuneReporter(),
    )


def _given(paths: tuple[str, ...], case: Case) -> Iterator[tuple[str, Plan]]:
    """Plans of the user's own, by the stems of their files; InputError where one does not fit."""
    from shardplan.tune.candidates.candidate import decisions_of

    for path in paths:
        plan, stem = plan_at(path), _NOT_IN_NAMES.sub("_", Path(path).stem)[:_LONGEST_NAME]
        try:
            decisions_of(plan, case)
        except ValueError as error:
            hint = "give a plan of this spec's tables and devices"
            raise InputError([Diagnostic(path, 0, 0, "", str(error), hint, code="plan")]) from None
        yield f"given-{stem}", plan
