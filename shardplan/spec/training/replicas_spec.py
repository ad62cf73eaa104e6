"""Groups of devices that each hold all tables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shardplan.sharding.grouping import Grouping, GroupOrder
from shardplan.spec.fields.border import Border
from shardplan.spec.fields.quantities import Count, Flag
from shardplan.workload.dtype import Dtype
from shardplan.workload.training import ReplicaSync

AUTO = "auto"
"""As many groups as make the step shortest."""


class ReplicasSpec(Border):
    """Two-dimensional sparse parallelism: each group shards all tables over its own devices, and
    replicas of a shard are averaged now and then."""

    groups: Literal["auto"] | Annotated[Count, Field(le=100_000)]
    """How many, or ``auto``: what makes the step shortest."""
    sync_every: Count = 1
    """Steps from one averaging to the next."""
    dtype: Dtype = Dtype.FP32
    """Of an element on the wire."""
    sync_optimizer: Flag = True
    """Whether the optimizer's state is averaged too."""
    order: GroupOrder = GroupOrder.STRIDED
    """``strided``: replicas of a shard are neighbours, as ``DMPCollection`` has them;
    ``contiguous``: devices of a group are (``use_inter_host_allreduce``)."""

    @property
    def grouping(self) -> Grouping | None:
        """None where it is not said how many."""
        return Grouping(self.groups, self.order) if isinstance(self.groups, int) else None

    @property
    def sync(self) -> ReplicaSync:
        """What keeps replicas alike."""
        return ReplicaSync(self.sync_every, self.dtype, self.sync_optimizer)
