"""What all options cost, worked out part by part, so that a deadline is heard in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.cost_model import UnitCosts
from shardplan.errors import Interrupted, NoPlanFound

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.options.option_set import OptionSet
    from shardplan.solve.deadline import Deadline

_OPTIONS_AT_ONCE = 100_000
"""About a second's work; larger parts take no less time in all."""
_FEW_TABLES = 1_000
"""With no more than these a case is formulated within a second: the time that a first plan is worth
also where a slow start has used up the limit, or the user has had enough already."""


def option_costs(case: Case, options: OptionSet, deadline: Deadline) -> UnitCosts:
    """What a unit of each option costs.

    Raises NoPlanFound, or Interrupted, when the deadline comes first.
    """
    parts = []
    for first in range(0, max(len(options), 1), _OPTIONS_AT_ONCE):
        heed(deadline, case)
        chosen = np.arange(first, min(first + _OPTIONS_AT_ONCE, len(options)))
        some = options if len(chosen) == len(options) else options.take(chosen)
        parts.append(case.cost_model.unit_costs(some))
    if len(parts) == 1:
        return parts[0]
    return UnitCosts(
        np.concatenate([part.load_seconds for part in parts]),
        np.concatenate([part.memory_bytes for part in parts]),
        np.concatenate([part.spill_seconds for part in parts]),
    )


def heed(deadline: Deadline, case: Case) -> None:
    """Raise NoPlanFound where a case is still being formulated at the deadline; or Interrupted.

    A case of few tables goes on.
    """
    if len(case.workload.tables) <= _FEW_TABLES or not deadline.is_over:
        return
    if deadline.is_called_off():
        raise Interrupted("interrupted before there was a plan")
    raise NoPlanFound(
        f"the time limit ended before the ways to shard {len(case.workload.tables):,} tables were "
        "worked out; a longer --time-limit, or fewer sharding types and kernels in the "
        "constraints, would help"
    )
