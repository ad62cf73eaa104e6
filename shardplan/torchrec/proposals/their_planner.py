"""What TorchRec's planner would have planned for a job, held against a plan that is known."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.convert.from_torchrec.decisions import decisions_of
from shardplan.errors import InputError
from shardplan.explain.words import words
from shardplan.plan.build_plan import build_plan
from shardplan.plan.predict import predict
from shardplan.plan.verify import verify
from shardplan.planning.drafts.claim import objective_seconds
from shardplan.solve.deadline import Deadline
from shardplan.torchrec.proposals.best_proposal import best_proposal
from shardplan.torchrec.proposals.search_space import SearchSpace

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.torchrec.job.arguments import JobArguments
    from shardplan.torchrec.job.freedom import Freedoms
    from shardplan.torchrec.job.sharded_module import ShardedModule
    from shardplan.torchrec.proposals.best_proposal import BestProposal

_LOG = logging.getLogger("shardplan.torchrec")
_MILLISECOND = 1e-3
_PROVEN = 1e-6
"""The gap of a plan that no other can beat by more than rounding."""
PLACES_PER_SECOND = 1_000
"""Tables times devices whose options TorchRec's estimator rates in a second, about; its planner
then takes ten times as long."""


@dataclass(frozen=True, slots=True)
class TheirPlanner:
    """TorchRec's planner with its defaults, told what a job tells it and free as the job's plan is.

    Its proposals are rated by the job's own estimators.
    """

    job: JobArguments
    model: torch.nn.Module
    sharders: Sequence[Any]
    modules: Sequence[ShardedModule]
    freedoms: Freedoms

    @property
    def estimator_seconds(self) -> float:
        """What TorchRec's estimator takes to rate all options, about."""
        return self._tables * self._devices / PLACES_PER_SECOND

    @property
    def _tables(self) -> int:
        return sum(len(module.tables) for module in self.modules)

    @property
    def _devices(self) -> int:
        size: int = self.job.topology.world_size
        return size

    def unless_faster(self, plan: Plan, case: Case, seconds: float) -> Plan:
        """The plan, or that of TorchRec's planner where it takes less by TorchRec's estimator.

        It may take so many seconds: nothing is looked at where the estimator alone takes longer.
        Says in the log which plan it is, and why a faster one is not taken, which must be one of
        the case.
        """
        gap = plan.optimality.gap
        if gap is not None and gap <= _PROVEN:
            return plan
        if self.estimator_seconds > seconds:
            _LOG.info(
                "not held against TorchRec's planner: its estimator takes some %s for %s on %s, "
                "and %s are left of timeout_seconds",
                words.seconds(self.estimator_seconds),
                words.plural(self._tables, "table"),
                words.plural(self._devices, "rank"),
                words.seconds(max(0.0, seconds)),
            )
            return plan
        found = self._found(plan, seconds - self.estimator_seconds)
        if found is None:
            return plan
        if not found.tables:
            _LOG.info("%s", _none_faster(found, self._of_what))
            return plan
        return _taken(plan, case, found, self._of_what)

    @property
    def _of_what(self) -> str:
        """Which plans were looked at, where they are not all that its planner would try."""
        return ", of the ways that are left" if self.freedoms.leaves_out else ""

    def _found(self, plan: Plan, seconds: float) -> BestProposal | None:
        """None where TorchRec's planner does not take the job."""
        job = self.job
        try:
            options = job.own_enumerator.enumerate(self.model, list(self.sharders))
        except (RuntimeError, ValueError) as error:
            _LOG.info("not held against TorchRec's planner, which takes no such job: %s", error)
            return None
        allowed = {
            (module.found.path, table.name): self.freedoms.of(
                module, table, job.constraints.get(table.name)
            )
            for module in self.modules
            for table in module.tables
        }
        space = SearchSpace.of(
            option for option in options if allowed[option.path, option.name].allows(option)
        )
        if space.table_count < len(allowed):
            _LOG.info("not held against TorchRec's planner, which has no option for some tables")
            return None
        left = job.storage_reservation.reserve(
            topology=job.topology,
            batch_size=job.batch_size,
            module=self.model,
            sharders=list(self.sharders),
            constraints=dict(job.constraints) or None,
        )
        known = plan.optimality.objective_seconds / _MILLISECOND
        return best_proposal(space, left, known, Deadline.after(seconds))


def _none_faster(found: BestProposal, of_what: str) -> str:
    which = "no plan" if found.is_complete else "as far as there was time, no plan"
    told = f"{which} that TorchRec's planner would try is faster by its own estimator"
    return f"{told}{of_what} ({words.plural(found.placed, 'proposal')} placed)"


def _taken(plan: Plan, case: Case, found: BestProposal, of_what: str) -> Plan:
    """Their plan, where it is a plan of the case and as fast by shardplan's count."""
    ours = plan.optimality.objective_seconds
    told = (
        f"TorchRec's planner has a plan of {words.seconds(found.milliseconds * _MILLISECOND)}, "
        f"the search one of {words.seconds(ours)}{of_what}"
    )
    try:
        decisions = decisions_of(found.tables, case, "the plan of TorchRec's planner")
    except InputError as error:
        _LOG.info("%s; it is not taken: %s", told, error)
        return plan
    prediction = predict(case, decisions)
    claim = plan.optimality.reaching(objective_seconds(case, prediction))
    method = f"{plan.solver.method.partition(':')[0]}: TorchRec's proposals"
    solver = plan.solver.model_copy(update={"method": method})
    theirs = build_plan(case, decisions, prediction, claim, solver, plan.run)
    findings = verify(theirs, case)
    if findings or theirs.optimality.objective_seconds >= ours:
        why = findings[0].message if findings else "by the figures of its spec it is no faster"
        _LOG.info("%s; it is not taken: %s", told, why)
        return plan
    _LOG.info("%s: the former is taken", told)
    return theirs
