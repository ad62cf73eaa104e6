"""All moves of the search, in the order in which they have their turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.solve.search.annealing.annealing import Annealing
from shardplan.solve.search.around_best import AroundBest
from shardplan.solve.search.blocks import Blocks
from shardplan.solve.search.groups.close_groups import CloseGroups
from shardplan.solve.search.groups.group_starts import GroupStarts
from shardplan.solve.search.proofs.balance import BalancePatterns
from shardplan.solve.search.proofs.class_choice import ClassChoice, EarlyClassChoice
from shardplan.solve.search.proofs.deeper_choice import DeeperChoice
from shardplan.solve.search.proofs.filling_units import FillingUnitsBound
from shardplan.solve.search.proofs.integer_program import CoarseProgram, FullProgram, SmallProgram
from shardplan.solve.search.proofs.stage_limits import EarlyStageLimits, StageLimits
from shardplan.solve.search.reinsertion.reinsertion import Reinsertion
from shardplan.solve.search.starts.early_annealing import EarlyAnnealing
from shardplan.solve.search.starts.first_placements import FirstPlacements
from shardplan.solve.search.starts.fresh_start import FreshStart
from shardplan.solve.search.starts.mixed_start import MixedStart
from shardplan.solve.search.starts.packing import Packing

if TYPE_CHECKING:
    from shardplan.solve.search.move import Move

MOVES: tuple[Move, ...] = (
    FirstPlacements(),
    GroupStarts(),
    SmallProgram(),
    EarlyAnnealing(),
    EarlyClassChoice(),
    Packing(),
    EarlyStageLimits(),
    FreshStart(),
    MixedStart(),
    AroundBest(),
    CloseGroups(),
    Reinsertion(),
    Blocks(),
    Annealing(),
    CoarseProgram(),
    BalancePatterns(),
    FillingUnitsBound(),
    ClassChoice(),
    StageLimits(),
    DeeperChoice(),
    FullProgram(),
)
"""A new move is one more entry."""
