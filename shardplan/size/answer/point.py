"""A candidate that was solved: its plan, and how much better any plan of it could be."""

from pydantic import Field

from shardplan.plan.file.optimality import gap_of
from shardplan.plan.file.plan_model import PlanModel
from shardplan.size.answer.amounts import Amount
from shardplan.size.answer.anatomy import Anatomy
from shardplan.size.answer.design import Design


class Point(PlanModel):
    """A plan of a candidate, what it takes and costs, and bounds that no plan of it can beat.

    Time and cost are of the front's samples, or to its target loss, with every term that was
    given.
    """

    design: Design
    plan_sha256: str
    """Of all in the plan that a job which runs it depends on."""
    plan_file: str = ""
    """Where the plan was written; empty where it was not."""
    is_greedy: bool = False
    """Whether the bounds decided so soon that the candidate was never solved in full."""
    step_seconds: Amount
    step_bound_seconds: Amount
    """No plan has a shorter step."""
    samples_per_second: Amount
    """The batch over the step."""
    samples: Amount
    """That time and cost are of."""
    time_seconds: Amount
    time_bound_seconds: Amount
    time_terms: dict[str, Amount] = Field(default_factory=dict)
    """What the time is made of, in seconds, such as steps, evaluations and failures."""
    cost: Amount
    cost_bound: Amount
    cost_terms: dict[str, Amount] = Field(default_factory=dict)
    """What the cost is made of, in its unit, such as nodes, spare nodes and readers."""
    anatomy: Anatomy

    @property
    def gap(self) -> float | None:
        """How far the step may be above the best plan's, over the bound; None where the bound is
        0."""
        return gap_of(self.step_seconds, self.step_bound_seconds)
