"""What a phase of a step may hide behind."""

from __future__ import annotations

from enum import StrEnum


class Cover(StrEnum):
    """What a phase may hide behind, so that the step does not wait for it.

    The phases of each follow one another in a chain of their own, beside the step's other phases.
    """

    BATCH_BEFORE = "the batch before"
    """When the training is pipelined."""
    DATA_LOADING = "data loading"
    """Of batches to come, pipelined or not: data loaders always run ahead."""
    BACKWARD = "the tables' backward pass"
    """Of the same batch, where a framework sums gradients over devices beside it; what comes before
    that pass comes before the sums too."""
    DENSE_BACKWARD = "the dense layers' backward pass"
    """Of the batch before, without the update of their parameters."""
    DENSE_OPTIMIZER = "the dense layers' optimizer"
    """Of the batch before, whose tables are updated by then."""
    DEVICES = "the devices' work"
    """Of the same batch: hosts launch kernels ahead of their devices, as far as they can."""

    @property
    def needs_pipeline(self) -> bool:
        """Whether the step waits for its phases unless the training is pipelined."""
        return self is Cover.BATCH_BEFORE

    @property
    def is_part(self) -> bool:
        """Whether it is a part of the step: what comes before and after it does so too of what
        hides behind it."""
        return self is Cover.BACKWARD or self.is_of_dense

    @property
    def is_of_dense(self) -> bool:
        """Whether it is a part of what dense layers do, which costs tell apart then."""
        return self in (Cover.DENSE_BACKWARD, Cover.DENSE_OPTIMIZER)
