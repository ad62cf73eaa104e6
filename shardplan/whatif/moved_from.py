"""What a plan says of the old one that it begins with, and of what moves from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.plan.file.fingerprint import fingerprint
from shardplan.plan.file.provenance import BestInfo, MovesInfo
from shardplan.whatif.relabel import decisions_in

if TYPE_CHECKING:
    from typing import Self

    from shardplan.plan.file.plan import Plan
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
        return sum(map(self.relocation.bytes_of, decisions_in(plan, self.relocation.case)))

    def told(
        self, plan: Plan, budget_bytes: float | None = None, instead_of: Plan | None = None
    ) -> Plan:
        """The plan with what it moves, of what budget, and ``instead_of`` which better one."""
        found: dict[str, Any] = {"from_sha256": self.sha256, "moved_bytes": self.bytes_of(plan)}
        if budget_bytes is not None:
            found["budget_bytes"] = int(budget_bytes)
        if instead_of is not None:
            found["best"] = BestInfo(
                moved_bytes=self.bytes_of(instead_of),
                objective_seconds=instead_of.optimality.objective_seconds,
            )
        return plan.model_copy(update={"moves": MovesInfo(**found)})
