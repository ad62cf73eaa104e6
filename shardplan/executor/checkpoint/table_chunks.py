"""A table in a checkpoint: the rectangles of it that one rank holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner, DefaultSavePlanner
from torch.distributed.checkpoint.metadata import (
    ChunkStorageMetadata,
    MetadataIndex,
    TensorProperties,
)
from torch.distributed.checkpoint.planner import TensorWriteData, WriteItem, WriteItemType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.tensors.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Chunk:
    """A rectangle of a table's weights, or of its optimizer state."""

    offsets: tuple[int, int]
    values: Tensor
    is_copy: bool = False
    """Whether another chunk has the same numbers: read, but not written."""


class TableChunks:
    """What torch.distributed.checkpoint wants to know of a tensor that is cut in any way."""

    def __init__(self, shape: tuple[int, int], dtype: torch.dtype, chunks: Sequence[Chunk]) -> None:
        self._shape = torch.Size(shape)
        self._dtype = dtype
        self._chunks = tuple(chunks)

    def size(self) -> Any:
        """Of the whole tensor."""
        return self._shape

    def __create_write_items__(self, name: str, _: Any) -> list[Any]:
        """What this rank has to write; equal items of several ranks are written once."""
        properties = TensorProperties(dtype=self._dtype)
        return [
            WriteItem(
                index=_index(name, chunk),
                type=WriteItemType.SHARD,
                tensor_data=TensorWriteData(_place(chunk), properties, self._shape),
            )
            for chunk in self._chunks
            if not chunk.is_copy
        ]

    def __create_chunk_list__(self) -> list[Any]:
        """What this rank has to read."""
        return [_place(chunk) for chunk in self._chunks]

    def written_from(self, index: Any) -> Tensor:
        """The numbers of the chunk that begins where an item says."""
        return next(c.values for c in self._chunks if c.offsets == tuple(index.offset))

    def read_into(self, index: Any) -> Tensor:
        """The chunk at an item's position: column shards may share the place of a row's state."""
        return self._chunks[index.index].values


def _place(chunk: Chunk) -> Any:
    return ChunkStorageMetadata(torch.Size(chunk.offsets), chunk.values.size())


def _index(name: str, chunk: Chunk) -> Any:
    return MetadataIndex(name, torch.Size(chunk.offsets))


class SaveChunks(DefaultSavePlanner):  # type: ignore[misc]
    """A planner that knows TableChunks; the checkpoint's names are flat."""

    def __init__(self) -> None:
        super().__init__(flatten_state_dict=False, flatten_sharded_tensors=False)

    def lookup_object(self, index: Any) -> Any:
        """The numbers that an item stands for."""
        value = self.state_dict[index.fqn]
        return value.written_from(index) if isinstance(value, TableChunks) else value


class LoadChunks(DefaultLoadPlanner):  # type: ignore[misc]
    """The same for reading, in place."""

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
        value = self.state_dict[index.fqn]
        return value.read_into(index) if isinstance(value, TableChunks) else value
