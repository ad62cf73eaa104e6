"""What a plan says of the old one that it begins with, and of what moves from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.plan.file.fingerprint import fingerprint
from shardplan.plan.file.provenance import BestInfo, MovesInfo
from shardplan.plan.file.rounding import rounded
from shardplan.whatif.relabel import decisions_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.whatif.near.amortisation import MovePrice
    from shardplan.whatif.relocation import Relocation


@dataclass(frozen=True, slots=True)
class MovedFrom:
    """An old plan, and what others move from it."""

    relocation: Relocation
    sha256: str
    """Of the old plan, without ``run``."""

    @classmethod
    def of(cls, old: Plan, relocation: Relocation) -> Self:
        """Take down which plan it is."""
        content = old.model_dump(mode="json", exclude={"run"}, exclude_unset=True)
        return cls(relocation, fingerprint(content))

    def bytes_of(self, plan: Plan) -> int:
        """What a plan of today's case moves."""
        return self.bytes_of_decisions(decisions_in(plan, self.relocation.case))

    def bytes_of_decisions(self, decisions: Sequence[Decision]) -> int:
        """What the plan of these decisions moves."""
        return int(self.relocation.moved_bytes(decisions).sum())

    def told(
        self, plan: Plan, moved_bytes: int, budget_bytes: float | None = None,
        instead_of: Plan | None = None, price: MovePrice | None = None,
    ) -> Plan:  # fmt: skip
        """The plan with what it moves, of what budget or at what price, and ``instead_of`` which
        better one, which was told what it moves too."""
        found: dict[str, Any] = {"from_sha256": self.sha256, "moved_bytes": moved_bytes}
        if budget_bytes is not None:
            found["budget_bytes"] = int(budget_bytes)
        if price is not None:
            found["paid_over_steps"] = rounded(price.steps)
            found["seconds_per_byte"] = rounded(price.seconds_per_byte)
        if instead_of is not None:
            found["best"] = BestInfo(
                moved_bytes=moved_in(instead_of),
                objective_seconds=instead_of.optimality.objective_seconds,
            )
        return plan.model_copy(update={"moves": MovesInfo(**found)})


def moved_in(plan: Plan) -> int:
    """What a plan that was told of it moves."""
    assert plan.moves is not None
    return plan.moves.moved_bytes
