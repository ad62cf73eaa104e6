"""Checkpoints from before format 1.0, written by torch.distributed.checkpoint: of trusted origin.

Their ``.metadata`` is a pickle, which runs whatever code it holds when it is loaded.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.metadata import ChunkStorageMetadata

from shardplan.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shardplan.executor.checkpoint.held_tensor import HeldTensor
    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.tensors.tensor import Tensor


def load_pickled(folder: Path, mesh: Mesh, state: Mapping[str, HeldTensor]) -> None:
    """Read in place. Raises CheckpointError on all ranks."""
    try:
        with warnings.catch_warnings():
            # A job of one rank has no process group, and means it.
            warnings.filterwarnings("ignore", message="torch.distributed is disabled")
            dcp.load(
                {name: _Chunks(tensor) for name, tensor in state.items()},
                storage_reader=dcp.FileSystemReader(folder),
                planner=_LoadChunks(),
                no_dist=mesh.world_size == 1,
            )
    except (dcp.api.CheckpointException, RuntimeError, ValueError, OSError) as error:
        reason = _reason(error)
        raise CheckpointError(f"{folder} is no checkpoint of these tables: {reason}") from error


class _Chunks:
    """What torch.distributed.checkpoint wants to know of a tensor that is cut in any way."""

    def __init__(self, tensor: HeldTensor) -> None:
        self._tensor = tensor

    def size(self) -> Any:
        """Of the whole tensor."""
        return torch.Size(self._tensor.shape)

    def __create_chunk_list__(self) -> list[Any]:
        """What this rank has to read."""
        return [
            ChunkStorageMetadata(torch.Size(chunk.offsets), chunk.values.size())
            for chunk in self._tensor.chunks
        ]

    def read_into(self, index: Any) -> Tensor:
        """The chunk at an item's position: column shards may share the place of a row's state."""
        return self._tensor.chunks[index.index].values


class _LoadChunks(DefaultLoadPlanner):  # type: ignore[misc]
    """A planner that reads chunks in place."""

    def __init__(self) -> None:
        super().__init__(flatten_state_dict=False, flatten_sharded_tensors=False)

    def set_up_planner(
        self, state_dict: Any, metadata: Any = None, is_coordinator: bool = False
    ) -> None:
        """Take the state as it is."""
        self.original_state_dict = self.state_dict = state_dict
        self.metadata = metadata
        self.is_coordinator = is_coordinator

    def lookup_tensor(self, index: Any) -> Tensor:
        """Where to read to."""
        return self.state_dict[index.fqn].read_into(index)


def _reason(error: BaseException) -> str:
    """The innermost message: each rank's own failure, where there are several."""
    failures = getattr(error, "failures", None)
    if failures:
        first = failures[min(failures)]
        error = first[0] if isinstance(first, tuple) else first
    lines = str(error).strip().splitlines()
    return lines[0] if lines else repr(error)
