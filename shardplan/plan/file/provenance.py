"""Where a plan comes from: its inputs, the solver, the run."""

from typing import Any, Self

from shardplan.plan.file.fingerprint import fingerprint
from shardplan.plan.file.plan_model import Count, PlanModel, Positive, Seconds


class NamedInput(PlanModel):
    """An input by its name and the hash of its canonical JSON."""

    name: str
    sha256: str

    @classmethod
    def of(cls, value: dict[str, Any]) -> Self:
        """From plain values, of which one is the name."""
        return cls(name=str(value["name"]), sha256=fingerprint(value))


class Inputs(PlanModel):
    """What the plan was made from."""

    spec_sha256: str
    """Of the resolved spec without its topology and cost model."""
    topology: NamedInput
    cost_model: NamedInput

    @classmethod
    def of(cls, resolved: dict[str, Any]) -> Self:
        """Of a resolved spec, so that a plan file can be checked by itself."""
        own = {k: v for k, v in resolved.items() if k not in ("topology", "cost_model")}
        return cls(
            spec_sha256=fingerprint(own),
            topology=NamedInput.of(resolved["topology"]),
            cost_model=NamedInput.of(resolved["cost_model"]),
        )

    def changed_in(self, resolved: dict[str, Any]) -> tuple[str, ...]:
        """What of a resolved spec, which may be anything, is not what was hashed here."""
        try:
            there = Inputs.of(resolved)
        except (KeyError, TypeError, ValueError):
            return ("resolved",)
        parts = (
            ("topology", self.topology, there.topology),
            ("cost_model", self.cost_model, there.cost_model),
            ("spec", self.spec_sha256, there.spec_sha256),
        )
        return tuple(name for name, recorded, carried in parts if recorded != carried)


class SolverInfo(PlanModel):
    """What searched for the plan, and what it was asked: enough to make the plan again."""

    method: str
    """What was asked for, and after a colon what found the plan."""
    seed: int
    gap: Seconds | None = None
    """The relative gap at which the search was to stop."""
    node_limit: Positive | None = None
    """Nodes of each branch-and-bound tree; only where they were limited."""
    effort: Seconds | None = None
    """How long it was to search at most, relative to one pass over a whole problem; only where it
    was limited."""
    threads: Positive | None = None
    """Searches side by side; only where there was more than one."""
    search: dict[str, Any] | None = None
    """Parameters of the search, by move, that are not those of the version; only such."""
    shardplan_version: str
    highs_version: str | None = None


class BestInfo(PlanModel):
    """A plan that moves more, for less than the gap that was asked for, or than moving takes."""

    moved_bytes: Count
    """What it would move."""
    objective_seconds: Seconds
    """What it reaches."""


class MovesInfo(PlanModel):
    """The old plan near which this one was to stay."""

    from_sha256: str
    """Of the old plan's canonical JSON without ``run``."""
    budget_bytes: Count | None = None
    """The most that was to move, which the lower bound leans on; only where that was limited."""
    moved_bytes: Count
    """What moves: weights and optimizer state that ranks lack, as ``diff`` counts them."""
    paid_over_steps: Seconds | None = None
    """Steps in which what moves is to pay for itself; only where no budget limits it."""
    seconds_per_byte: Seconds | None = None
    """What a byte was taken to cost in all of these steps together; beside ``paid_over_steps``."""
    best: BestInfo | None = None
    """The best plan found whatever it moves; only where this one was taken in its stead."""


class HistoryPoint(PlanModel):
    """The state of the search at one time."""

    elapsed_seconds: Seconds
    """Since the problem was formulated."""
    best_seconds: Seconds | None = None
    bound_seconds: Seconds | None = None


class RunInfo(PlanModel):
    """What may differ between two runs that give the same plan."""

    generated_at: str
    elapsed_seconds: Seconds
    """From the spec as read to the plan: to formulate, solve and predict."""
    history: tuple[HistoryPoint, ...] = ()
    """The best objective and bound as they came."""
