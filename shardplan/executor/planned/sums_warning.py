"""A word, before training, on sums of gradients that are not exact."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.executor.planned.plan_view import PlanView


def warn_of_sums(view: PlanView, rank: int) -> None:
    """On rank 0 warn once that a plan's sums change what is learnt, where tables are summed so."""
    notice = view.training.reduction.notice
    is_summed = view.world_size > 1 and any(table.is_replicated for table in view.tables)
    if rank == 0 and notice and is_summed:
        warnings.warn(notice, stacklevel=3)
