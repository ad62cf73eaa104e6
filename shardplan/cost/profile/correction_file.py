"""What a cost-model file may say of how far off its other figures were on a job."""

from __future__ import annotations

from shardplan import units
from shardplan.sharding.kind import ShardingType
from shardplan.spec.fields.border import Border, Name
from shardplan.spec.fields.figure import Provenance
from shardplan.spec.fields.quantities import Seconds, Times


class CorrectionFile(Border):
    """Of one phase, or of the tables of one sharding type in it: what it takes beside, or instead.

    All other figures of the phase, those of a framework too, are multiplied by ``factor``; where a
    phase has a factor of its own and one of a sharding type, by both.
    """

    phase: Name
    """Such as ``output_comm``; ``dense`` is the rest of the model."""
    sharding: ShardingType | None = None
    """Of the tables of this sharding type alone; else of all that the phase does."""
    factor: Times = 1.0
    """Measured over predicted, by which predicted seconds are multiplied."""
    per_step: Seconds = 0.0
    """Once per step, whatever the plan; not with a sharding type."""
    per_table: Seconds = 0.0
    """Per table or column shard on the device."""
    per_group: Seconds = 0.0
    """Once for each sharding type that a module has any table of."""
    provenance: Provenance | None = None
    """How it is known."""
    source: str = ""
    """Where it is from: a key of the file's ``sources``."""

    def __str__(self) -> str:
        """Its factor, and what it adds."""
        added = {"step": self.per_step, "table": self.per_table, "group": self.per_group}
        parts = [f"{units.format_seconds(each)} a {what}" for what, each in added.items() if each]
        whose = f" of {self.sharding}" if self.sharding else ""
        return f"{self.phase}{whose}: " + " + ".join([f"x{self.factor:.3g}", *parts])
