"""Candidates that cannot, and why."""

from typing import Literal

from pydantic import Field

from shardplan.plan.file.plan_model import PlanModel
from shardplan.size.answer.amounts import Amount
from shardplan.size.answer.design import DesignRange


class Proof(PlanModel):
    """What is needed at least of something, and what of it there may be."""

    quantity: str
    """``step``, ``time``, ``cost``, or what of a machine is short, such as ``hbm``."""
    unit: Literal["seconds", "bytes", "count", "cost"]
    least: Amount
    """No plan of any of the candidates takes less."""
    allowed: Amount
    """What the target allows, or the machine offers: less than ``least``."""
    terms: dict[str, Amount] = Field(default_factory=dict)
    """What the least is made of, by phase or by what is held."""
    facts: tuple[str, ...] = ()
    """Sentences that leave no plan together, where it is no matter of one quantity."""


class Impossible(PlanModel):
    """Candidates of which no plan exists, or none that reaches the target."""

    designs: DesignRange
    proof: Proof
