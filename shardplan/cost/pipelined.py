"""What of a step a pipeline of training hides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.cost.phases import LOOKUP_FORWARD, OUTPUT_COMM, PREFETCH

if TYPE_CHECKING:
    from shardplan.cost.dense_costs import DenseCosts
    from shardplan.cost.phase import Phase
    from shardplan.workload.pipeline.pipeline import Course


def pipelined(phase: Phase, course: Course, dense: DenseCosts) -> Phase:
    """The same phase, with what it hides behind where a pipeline decides that.

    Behind work of the dense layers that takes no time nothing hides. Caches that are not filled
    ahead are filled by the lookup.
    """
    covers = {
        PREFETCH.name: course.cached_rows or course.lookups,
        LOOKUP_FORWARD.name: course.lookups,
        OUTPUT_COMM.name: course.outputs,
    }
    if phase.name not in covers:
        return phase
    cover = covers[phase.name]
    is_empty = cover in dense.covers and not dense.covered_seconds(cover)
    return replace(phase, hides_behind=None if is_empty else cover)
