"""Modules that a pipeline of training cannot run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.spec.validation.wording import show
from shardplan.workload.collection import CollectionKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.loaded import LoadedSpec


def check_pipeline(loaded: LoadedSpec) -> Iterator[Diagnostic]:
    """Where lookups run beside the optimizer of the dense layers, that one may not train a part of
    them (the NOTE of ``TrainPipelineFusedSparseDist``)."""
    pipeline = loaded.spec.training.pipeline
    if not pipeline.course.learns_before_lookup:
        for path, module in (loaded.spec.modules or {}).items():
            if module.kind is CollectionKind.FEATURE_PROCESSED:
                message = (
                    f"{pipeline.torchrec} looks rows up while the weights of positions of the "
                    f"module {show(path)} are updated"
                )
                hint = "take sparse_dist"
                yield loaded.document.diagnostic(("training", "pipeline"), message, hint)
