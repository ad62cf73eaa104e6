"""What the step of a plan is made of: its phases, what it waits for, memory, and the evidence."""

from shardplan.cost.part import Part
from shardplan.plan.file.plan_model import Count, PlanModel
from shardplan.size.answer.amounts import Amount


class PhaseOfStep(PlanModel):
    """One phase, as long as its slowest device takes."""

    name: str
    part: Part
    """What of a step it belongs to."""
    seconds: Amount
    is_hidden: bool = False
    """Whether the step waits for others meanwhile, so that it adds nothing."""


class Bottleneck(PlanModel):
    """What the step waits for longest."""

    phase: str
    share: Amount
    """Of the step."""
    link: str = ""
    """Such as ``nic:0.3 -> rack:0``, the link that holds its collective up; empty where none
    does."""
    link_bytes_per_second: Amount = 0.0

    @property
    def words(self) -> str:
        """``output_comm``; ``output_comm at nic``."""
        return f"{self.phase} at {self.link.partition(':')[0]}" if self.link else self.phase


class FigureCounts(PlanModel):
    """Of the figures that decide the phases which the step waits for, how many are known how."""

    measured: Count = 0
    published: Count = 0
    datasheet: Count = 0
    estimated: Count = 0
    """Those that say nothing of it, too."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.measured + self.published + self.datasheet + self.estimated


class Anatomy(PlanModel):
    """What the step of a plan is made of."""

    phases: tuple[PhaseOfStep, ...]
    """In the order of the step, dense parts first."""
    binds: Bottleneck
    memory_shares: dict[str, Amount]
    """By tier, of what may be used on the fullest device or node, what is."""
    figures: FigureCounts

    @property
    def fullest(self) -> float:
        """The share of the fullest tier."""
        return max(self.memory_shares.values(), default=0.0)
