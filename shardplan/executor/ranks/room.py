"""Whether all ranks have the memory that a plan is predicted to take of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.errors import MemoryExceeded
from shardplan.executor.planned.acceptance import memory_faults
from shardplan.executor.ranks.agreement import faults_of_all

if TYPE_CHECKING:
    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.planned.tier_limits import TierLimits


def check_memory(view: PlanView, limits: TierLimits) -> None:
    """Raise MemoryExceeded, on every rank alike, where a rank may hold less than is predicted.

    A collective, where there are several ranks: limits of one rank may be others than another's.
    """
    found = faults_of_all("", [*memory_faults(view, limits)])
    if found:
        raise MemoryExceeded("; ".join(fault.message for fault in found)).agreed()
