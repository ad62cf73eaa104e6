"""The plan file's ``prediction``: seconds and bytes of every rank."""

from shardplan.plan.plan_model import Count, PlanModel, Seconds
from shardplan.plan.table_entry import MemoryBytes


class RankForecast(PlanModel):
    """What one rank spends in each phase, and what it holds in each tier."""

    rank: Count
    phases: dict[str, Seconds]
    memory_bytes: MemoryBytes
    """Shards, activations, buffers and the dense model; ``reserve_bytes`` comes on top."""


class Forecast(PlanModel):
    """What a step costs under the plan."""

    step_seconds: Seconds
    balance_seconds: Seconds
    """The largest sum over phases of any one rank."""
    dense_seconds: Seconds
    """The part of the step that is spent outside the tables."""
    phases: dict[str, Seconds]
    """What each phase takes: the time of its slowest rank."""
    overlapped: tuple[str, ...]
    """The phases that hide behind the batch before, when the training is pipelined."""
    reserve_bytes: MemoryBytes
    """Kept free by the spec: hbm of each device; ddr and ssd of each node."""
    ranks: tuple[RankForecast, ...]
