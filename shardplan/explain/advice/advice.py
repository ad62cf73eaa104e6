"""All rules of advice, asked in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.advice.borrowed_costs import BorrowedCosts
from shardplan.explain.advice.calibrated_otherwise import CalibratedOtherwise
from shardplan.explain.advice.cut_off import CutOff
from shardplan.explain.advice.hot_block import HotBlock
from shardplan.explain.advice.hot_ids import HotIds
from shardplan.explain.advice.idle_tables import IdleTables
from shardplan.explain.advice.inexact.inexact_cuts import InexactCuts
from shardplan.explain.advice.inexact.narrow_wires import NarrowWires
from shardplan.explain.advice.inexact.other_sums import OtherSums
from shardplan.explain.advice.inexact.stale_rows import StaleRows
from shardplan.explain.advice.padded_columns import PaddedColumns
from shardplan.explain.advice.replica_groups import ReplicaGroups
from shardplan.explain.advice.sampled_rows import SampledRows
from shardplan.explain.advice.trained.no_engine import NoEngine
from shardplan.explain.advice.trained.shared_lists import SharedLists
from shardplan.explain.advice.uneven_rows import UnevenRows
from shardplan.explain.advice.unpooled_outputs import UnpooledOutputs
from shardplan.explain.advice.unpriced import Unpriced

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.explain.advice.rule import Warned
    from shardplan.plan.file.plan import Plan

_RULES = (
    ReplicaGroups(),
    NoEngine(),
    SharedLists(),
    BorrowedCosts(),
    CalibratedOtherwise(),
    Unpriced(),
    InexactCuts(),
    OtherSums(),
    StaleRows(),
    HotBlock(),
    UnevenRows(),
    PaddedColumns(),
    NarrowWires(),
    UnpooledOutputs(),
    HotIds(),
    IdleTables(),
    SampledRows(),
    CutOff(),
)
"""The weightiest first."""


def warnings(case: Case) -> tuple[Warned, ...]:
    """What the author of a spec may not have meant."""
    return tuple(found for rule in _RULES for found in rule.of_case(case))


def notes(plan: Plan, case: Case) -> tuple[str, ...]:
    """What a reader of a plan should know besides its numbers."""
    return tuple(found for rule in _RULES for found in rule.of_plan(plan, case))
