"""The plan of a job, read by all its ranks, or refused by all with the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.errors import InputError, PlanRefused, ShardplanError
from shardplan.executor.planned.acceptance import check_ranks
from shardplan.executor.planned.plan_view import view_plan
from shardplan.plan.file.read import read_plan

if TYPE_CHECKING:
    from pathlib import Path

    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.train.job import Job
    from shardplan.plan.file.plan import Plan


def plan_of_job(path: Path, job: Job) -> tuple[Plan, PlanView]:
    """The plan in a file, and as the executor sees it: a collective.

    Raises ShardplanError on every rank alike, with all words of any of them, where the file cannot
    be read, the plan is broken, or it is for other ranks.
    """
    words = ""
    try:
        plan = read_plan(path)
        view = view_plan(plan)
        check_ranks(view, job.world_size, job.local_world_size)
    except (InputError, PlanRefused) as error:
        words = str(error)
    told = dict.fromkeys(filter(None, job.gather(words, "the reading of the plan")))
    if told:
        raise ShardplanError("\n".join(told)).agreed()
    return plan, view
