"""The phases of a step, in the order in which they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.analytic.corrected.corrected_phase import CorrectedPhase
from shardplan.cost.analytic.framed.framed_phase import FramedPhase
from shardplan.cost.analytic.framed.host import Host
from shardplan.cost.analytic.framed.overhead import Overhead
from shardplan.cost.analytic.phases.all_reduce import AllReduce
from shardplan.cost.analytic.phases.gradient_comm import GradientComm
from shardplan.cost.analytic.phases.ids_comm import IdsComm
from shardplan.cost.analytic.phases.ingest import Ingest
from shardplan.cost.analytic.phases.lookup_forward import LookupForward
from shardplan.cost.analytic.phases.output_comm import OutputComm
from shardplan.cost.analytic.phases.prefetch import Prefetch
from shardplan.cost.analytic.phases.replica_sync import ReplicaSyncPhase
from shardplan.cost.analytic.phases.update_backward import UpdateBackward

if TYPE_CHECKING:
    from shardplan.cost.analytic.linear_phase import LinearPhase
    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.profile.phase_file import PhaseFile

PHASES: tuple[type[LinearPhase], ...] = (
    Ingest,
    IdsComm,
    Prefetch,
    LookupForward,
    OutputComm,
    GradientComm,
    UpdateBackward,
    AllReduce,
    ReplicaSyncPhase,
    Overhead,
    Host,
)


def phases_of(setting: Setting) -> tuple[LinearPhase, ...]:
    """Those that a step has there, as the framework runs them and a job corrects them."""
    found = (kind.of(setting) for kind in PHASES)
    framed = (FramedPhase.around(phase, setting) for phase in found if phase is not None)
    return tuple(CorrectedPhase.around(phase, setting) for phase in framed)


def phase_names() -> tuple[str, ...]:
    """Of all phases that a step may have."""
    return tuple(kind.about.name for kind in PHASES)


def phase_files() -> dict[str, type[PhaseFile]]:
    """By name, what cost-model files may say of the phases that have keys of their own."""
    return {kind.about.name: kind.file for kind in PHASES if kind.file is not None}
