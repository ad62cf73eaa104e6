"""The plan of a job, or of a spec, in the time that there is."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shardplan.errors import Infeasible
from shardplan.planning.drafts.drafts import timed
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.torchrec.job.arguments import tell
from shardplan.torchrec.job.case_of_job import case_of_job
from shardplan.torchrec.job.wrong_types import Means
from shardplan.torchrec.proposals.their_planner import TheirPlanner

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.solve.settings import Settings
    from shardplan.torchrec.job.arguments import JobArguments
    from shardplan.torchrec.job.case_of_job import JobCase
    from shardplan.torchrec.job.sharded_module import ShardedModule
    from shardplan.torchrec.plan_folder import PlanFolder

_LOG = logging.getLogger("shardplan.torchrec")
_SEARCHING_SHARE = 0.7
"""Of the time; the rest is for what TorchRec's planner would try."""


@dataclass(frozen=True, slots=True)
class Solving:
    """How long plans are searched for, and where they are kept."""

    settings: Settings
    folder: PlanFolder | None

    def solved(self, case: Case, theirs: TheirPlanner | None = None, share: float = 1.0) -> Plan:
        """The kept plan of a case, or one that is made in a share of the time."""
        settings = _in_share(self.settings, share)
        if self.folder is None:
            return _made(case, theirs, settings)
        plan = self.folder.find(case, settings)
        if plan is None:
            plan = _made(case, theirs, settings)
            self.folder.keep(plan, case, settings)
        else:
            _LOG.info("%s: as kept in %s", plan.name, self.folder.path_of(case, settings))
        return plan

    def of_job(
        self,
        job: JobArguments,
        model: torch.nn.Module,
        sharders: Sequence[Any],
        modules: Sequence[ShardedModule],
    ) -> tuple[Case, Plan]:
        """By TorchRec's arguments: never slower than what TorchRec's planner would plan.

        Where modules average, the better of two: their tables are all cut by rows, or none is.
        Says what was left out of it. Raises InputError, Infeasible and NoPlanFound.
        """
        averages = any(module.averages for module in modules)
        ways = (Means.WHOLE, Means.CUT) if averages else (Means.WHOLE,)
        told = [case_of_job(job, model, sharders, modules, means) for means in ways]
        right = [each for each in told if not each.freedoms.keeps_wrong] or told[:1]
        made: list[tuple[JobCase, Plan]] = []
        refused: list[Infeasible] = []

        def attempt(told: JobCase, share: float) -> None:
            theirs = TheirPlanner(job, model, sharders, modules, told.freedoms)
            try:
                made.append((told, self.solved(told.case, theirs, share)))
            except Infeasible as error:
                refused.append(error)

        for each in right:
            attempt(each, 1 / len(right))
        if averages and not made:
            _LOG.warning(
                "no plan fits that cuts all tables of modules that average by rows, or none of "
                "them: TorchRec 1.8 divides the outputs of those that are not cut twice"
            )
            attempt(case_of_job(job, model, sharders, modules, Means.ANY), 1.0)
        if not made:
            raise refused[0]
        best, plan = min(made, key=lambda each: each[1].optimality.objective_seconds)
        tell([*best.told])
        return best.case, plan


def _in_share(settings: Settings, share: float) -> Settings:
    """With a share of the time."""
    patience = settings.patience_seconds
    return replace(
        settings,
        time_limit_seconds=settings.time_limit_seconds * share,
        patience_seconds=None if patience is None else patience * share,
    )


def _made(case: Case, theirs: TheirPlanner | None, settings: Settings) -> Plan:
    if theirs is None:
        return make_plan(case, settings, Reporter())
    started, limit = time.monotonic(), settings.time_limit_seconds
    looking = limit * (1 - _SEARCHING_SHARE)
    is_quick = theirs.estimator_seconds <= looking
    searching = limit - looking if is_quick else limit
    plan = make_plan(case, replace(settings, time_limit_seconds=searching), Reporter())
    left = limit - (time.monotonic() - started)
    if is_quick:
        # However late it is: on a busy machine the search may have taken all of the time.
        left = theirs.estimator_seconds + looking
    return timed(theirs.unless_faster(plan, case, left), started)
