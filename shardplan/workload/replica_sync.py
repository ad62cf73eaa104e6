"""How groups of devices that each hold all tables keep them alike."""

from __future__ import annotations

from dataclasses import dataclass

from shardplan.workload.dtype import Dtype


@dataclass(frozen=True, slots=True)
class ReplicaSync:
    """Weights, and what the optimizer keeps of them, are averaged over groups (``sync`` of
    TorchRec's ``DMPCollection``): each group trains by itself in between."""

    every: int = 1
    """Steps from one to the next."""
    dtype: Dtype = Dtype.FP32
    """Of an element on the wire."""
    with_state: bool = True
    """Whether the optimizer's state is averaged too."""
