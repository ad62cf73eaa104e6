"""Sums of gradients that TorchRec has none of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.workload.wire.reduction_algorithm import ReductionAlgorithm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.workload.wire.reduction import Reduction

_SUMS = "TorchRec's DistributedDataParallel sums data-parallel tables"


def ddp_faults(name: str, reduction: Reduction) -> Iterator[Diagnostic]:
    """What of a plan's sums, or a spec's of that ``name``, TorchRec would do otherwise.

    It wraps the lookup of data-parallel tables in DDP, and takes no communication hook for it.
    """
    if not reduction.is_exact:
        message = f"{_SUMS} exactly: PyTorch has no top-k among its communication hooks"
        hint = "train by the native engine, or solve again without top_k"
        yield _fault(name, "top_k", message, hint)
    if reduction.algorithm is ReductionAlgorithm.HIERARCHICAL:
        message = f"{_SUMS} by one all-reduce over all ranks; NCCL alone may go by nodes"
        hint = "train by the native engine, or solve again with algorithm: flat"
        yield _fault(name, "algorithm", message, hint)


def _fault(name: str, key: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(name, 0, 0, f"training.all_reduce.{key}", message, hint, code="executor")
