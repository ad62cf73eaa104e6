"""The training pipelines that can be planned."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shardplan.workload.pipeline.cover import Cover

if TYPE_CHECKING:
    from collections.abc import Mapping


class Pipeline(StrEnum):
    """The training pipelines of TorchRec: what of a step hides behind the batch before it."""

    NONE = "none"
    """Nothing."""
    SPARSE_DIST_LITE = "sparse_dist_lite"
    """The copy of a batch to the device alone."""
    SPARSE_DIST = "sparse_dist"
    """Its ids on their way too."""
    PREFETCH_SPARSE_DIST = "prefetch_sparse_dist"
    """Its rows on their way into caches too."""
    FUSED_SPARSE_DIST = "fused_sparse_dist"
    """Besides ids, its lookups and outputs: behind the optimizer of the dense layers."""
    SEMI_SYNC = "semi_sync"
    """Besides ids, its outputs: behind the backward pass of the dense layers. Its rows are looked
    up before that batch has updated them, and so are a step old."""

    @property
    def course(self) -> Course:
        """What hides behind what, and what is on a device meanwhile."""
        return _COURSES[self]

    @property
    def torchrec(self) -> str:
        """TorchRec's class."""
        return self.course.torchrec

    @property
    def copies_ahead(self) -> bool:
        """Whether a batch is on its device before the one before it is done."""
        return self.course.copies_ahead

    @property
    def sends_ahead(self) -> bool:
        """Whether its ids are where their rows are by then."""
        return self.course.ids is not None

    @property
    def prefetches(self) -> bool:
        """Whether their rows are in the caches by then."""
        return self.course.cached_rows is not None

    @property
    def batches_ahead(self) -> int:
        """How many batches have been sent when one is trained, besides it."""
        return self.course.batches_ahead

    @property
    def outputs_ahead(self) -> int:
        """Of how many batches there are outputs when one is trained, besides it."""
        return self.course.outputs_ahead

    @property
    def copies(self) -> int:
        """Batches of a device's own samples on it at once."""
        return 1 + max(self.copies_ahead, self.batches_ahead)

    @property
    def stale_steps(self) -> int:
        """How many updates the rows of a batch lack that a step without pipeline has."""
        return self.course.stale_steps

    @property
    def notice(self) -> str:
        """What it changes of what is learnt; empty where it changes nothing."""
        if not self.stale_steps:
            return ""
        return (
            f"the pipeline {self} changes what is learnt: rows are looked up before the batch "
            "before has updated them"
        )


@dataclass(frozen=True, slots=True)
class Course:
    """How the stages of a batch run beside other batches, read in ``distributed/train_pipeline`` of
    TorchRec 1.8; None where the step waits for a stage.

    ``fused_sparse_dist`` begins lookups when the update of the tables is launched, on a stream of
    their own, and waits for outputs in the forward pass (``InSyncEmbeddingPipelinedForward``): what
    they run beside is the optimizer's step. ``semi_sync`` launches lookups between the two passes
    of the batch before, on the stream of these; outputs travel on that of the collectives, ahead of
    the gradients of that batch, which the end of its dense backward pass sends.
    """

    torchrec: str
    copies_ahead: bool = True
    ids: Cover | None = None
    cached_rows: Cover | None = None
    lookups: Cover | None = None
    outputs: Cover | None = None
    batches_ahead: int = 0
    outputs_ahead: int = 0
    stale_steps: int = 0
    syncs_groups: bool = True
    """Whether it calls ``sync_embeddings`` where several groups hold all tables."""
    learns_before_lookup: bool = True
    """Whether weights that the dense optimizer updates may be a part of the lookup, as those of
    positions are."""

    @property
    def dense_covers(self) -> frozenset[Cover]:
        """The parts of the dense layers' work that something hides behind."""
        return frozenset(
            cover for cover in (self.lookups, self.outputs) if cover and cover.is_of_dense
        )


_BEFORE = Cover.BATCH_BEFORE
_COURSES: Mapping[Pipeline, Course] = {
    Pipeline.NONE: Course("TrainPipelineBase", copies_ahead=False),
    Pipeline.SPARSE_DIST_LITE: Course("TrainPipelineSparseDistLite"),
    Pipeline.SPARSE_DIST: Course("TrainPipelineSparseDist", ids=_BEFORE, batches_ahead=1),
    Pipeline.PREFETCH_SPARSE_DIST: Course(
        "PrefetchTrainPipelineSparseDist", ids=_BEFORE, cached_rows=_BEFORE, batches_ahead=2
    ),
    Pipeline.FUSED_SPARSE_DIST: Course(
        "TrainPipelineFusedSparseDist",
        ids=_BEFORE,
        lookups=Cover.DENSE_OPTIMIZER,
        outputs=Cover.DENSE_OPTIMIZER,
        batches_ahead=1,
        syncs_groups=False,
        learns_before_lookup=False,
    ),
    Pipeline.SEMI_SYNC: Course(
        "TrainPipelineSemiSync",
        ids=_BEFORE,
        outputs=Cover.DENSE_BACKWARD,
        batches_ahead=2,
        outputs_ahead=1,
        stale_steps=1,
    ),
}
