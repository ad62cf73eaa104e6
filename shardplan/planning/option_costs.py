"""What all options cost, worked out part by part, so that a deadline is heard in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.cost_model import UnitCosts

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.options.option_set import OptionSet
    from shardplan.planning.pace import Pace


def option_costs(case: Case, options: OptionSet, pace: Pace) -> UnitCosts:
    """What a unit of each option costs.

    Raises NoPlanFound, or Interrupted, when the pace's deadline comes first.
    """
    parts, many = [], pace.params.options_at_once
    for first in range(0, max(len(options), 1), many):
        pace.heed(case)
        chosen = np.arange(first, min(first + many, len(options)))
        some = options if len(chosen) == len(options) else options.take(chosen)
        parts.append(case.cost_model.unit_costs(some))
    if len(parts) == 1:
        return parts[0]
    return UnitCosts(
        np.concatenate([part.load_seconds for part in parts]),
        np.concatenate([part.memory_bytes for part in parts]),
        np.concatenate([part.spill_seconds for part in parts]),
    )
