"""What a node costs, and how that is known."""

from shardplan.plan.file.plan_model import PlanModel
from shardplan.size.answer.amounts import Amount
from shardplan.spec.fields.figure import Provenance


class PriceFacts(PlanModel):
    """What an hour of one node costs: a price without date and source says nothing."""

    machine: str
    per_node_hour: Amount
    """In the front's currency."""
    is_own: bool = False
    """Whether it was worked out from what the machine costs to buy and run."""
    provenance: Provenance | None = None
    source: str = ""
    """Who names it."""
    date: str = ""
    """When; as ``2026-10-06``."""
    region: str = ""
    """Where."""
    kind: str = ""
    """On demand, spot, reserved."""
