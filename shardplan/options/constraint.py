"""What the user demands of where some tables go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.sharding.kernel import Kernel
    from shardplan.sharding.kind import ShardingType


@dataclass(frozen=True, slots=True)
class Constraint:
    """One demand on a set of tables; what is None is not demanded."""

    tables: tuple[int, ...]
    """Positions in the workload's tables, rising."""
    sharding: tuple[ShardingType, ...] | None = None
    """The only sharding types allowed."""
    kernels: tuple[Kernel, ...] | None = None
    """The only kernels allowed."""
    together: bool = False
    """All on the same devices."""
    apart: bool = False
    """No device holds parts of two of them."""
    ranks: tuple[int, ...] | None = None
    """The only ranks allowed, rising."""
    column_shards: int | None = None
    """Into how many their columns are cut where they are."""
    is_choice: bool = False
    """Whether nobody demands it: other choices would do, and nothing is proven of them."""
    label: str = ""
    """How messages name it: ``constraints[2]``."""
    line: int = field(default=0, compare=False)
    """Where it is written; 0 where it is in no file."""

    @property
    def named(self) -> str:
        """How messages name it, with its line: ``constraints[2] (line 9)``."""
        return f"{self.label} (line {self.line})" if self.line else self.label or "a demand"
