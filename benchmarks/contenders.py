"""What is compared: each makes the decisions of a plan for a case."""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.options.kernel import Kernel
from shardplan.options.sharding_type import ShardingType
from shardplan.plan.decision import Decision, options_of
from shardplan.plan.recover import recover_decisions
from shardplan.planner import make_plan
from shardplan.solve.baselines import (
    GreedyCost,
    greedy_costs,
    place_at_random,
    place_by_differencing,
    place_greedily,
)
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from shardplan.case import Case
