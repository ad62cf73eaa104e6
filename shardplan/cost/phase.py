"""What a phase of the step is, whatever it costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shardplan.cost.part import Part
from shardplan.sharding.kind import ShardingType
from shardplan.workload.pipeline.cover import Cover

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.cost.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the step that ends when the slowest device ends (the collectives are barriers)."""

    name: str
    meaning: str = ""
    """What happens in it, as explanations, documents and the glossary say it."""
    hides_behind: Cover | None = None
    """None: the step always waits for it."""
    part: Part = Part.TABLES
    rests_on: tuple[str, ...] = ()
    """Keys of a cost-model file whose figures decide it; none: the one of its own name."""
    constant_seconds: float = 0.0
    """Spent whatever the placement: launch and start-up latencies."""
    exchanges: Mapping[ShardingType, Exchange] = field(default_factory=dict, hash=False)
    """By sharding type, the collective that its units wait for longest; those that send nothing
    are not among them."""
    unpooled_exchanges: Mapping[ShardingType, Exchange] = field(default_factory=dict, hash=False)
    """The same of tables with an output for each id, where that is another one."""
    waits_for: str = ""
    """What its constant is spent on, where that is not start-up: a part of the machine."""

    def exchange_of(self, kind: ShardingType, is_pooled: bool) -> Exchange | None:
        """The collective that units of a sharding type wait for longest; None where for none.

        Hot rows wait for that of replicated tables.
        """
        found = self.exchanges if is_pooled else self.unpooled_exchanges or self.exchanges
        if kind.keeps_hot_rows and kind not in found:
            return found.get(ShardingType.DATA_PARALLEL)
        return found.get(kind)

    @property
    def overlapped(self) -> bool:
        """Hidden behind the batch before, when the training is pipelined."""
        return self.hides_behind is Cover.BATCH_BEFORE
