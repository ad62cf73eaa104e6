"""Whether what is asked of ``size`` goes with the rest of a spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.spec.objective import Objective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.loaded import LoadedSpec


def check_size(loaded: LoadedSpec) -> Iterator[Diagnostic]:
    """Faults of a sizing beside the objective and the pipeline of the spec."""
    spec, size = loaded.spec, loaded.spec.size
    if size is None:
        return
    if spec.objective is not Objective.STEP_TIME:
        message = f"size compares steps, and plans that minimise {spec.objective} have longer ones"
        hint = f"write {Objective.STEP_TIME}, or leave size out"
        yield loaded.document.diagnostic(("objective",), message, hint, "contradiction")
    pipeline, groups = spec.training.pipeline, size.replicas or (1,)
    if max(groups) > 1 and not pipeline.course.syncs_groups:
        message = f"{pipeline.torchrec} of TorchRec never averages groups of devices"
        hint = "take another training.pipeline, such as sparse_dist, or one group"
        yield loaded.document.diagnostic(("size", "replicas"), message, hint, "contradiction")
