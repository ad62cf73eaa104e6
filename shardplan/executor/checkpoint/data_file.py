"""The numbers of one rank, as a safetensors file: a header of JSON, then the numbers, row by row.

Nothing in such a file is ever run, and the library safetensors reads it too.
"""

from __future__ import annotations

import json
from math import prod
from typing import TYPE_CHECKING

import torch

from shardplan.executor.checkpoint.checked_file import BLOCK_BYTES, CheckedReader, CheckedWriter
from shardplan.executor.checkpoint.index import StoredChunk
from shardplan.executor.checkpoint.number_formats import DTYPE_OF, NUMBER_FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from shardplan.executor.checkpoint.checked_file import FileSums
    from shardplan.executor.checkpoint.held_tensor import Chunk, HeldTensor, Overlap
    from shardplan.executor.tensors.tensor import Tensor

_LENGTH_BYTES = 8
"""Of the header's length, which a file begins with."""

Stored = list[tuple[str, StoredChunk]]
"""Names of tensors, and the chunks of them that a file holds."""


def write_data(path: Path, tensors: Mapping[str, HeldTensor]) -> tuple[FileSums, Stored]:
    """Write the chunks of this rank that are no copies to a new file. Raises OSError."""
    parts = [
        (name, chunk)
        for name, tensor in tensors.items()
        for chunk in tensor.chunks
        if not chunk.is_copy
    ]
    header = _header(parts)
    at = _LENGTH_BYTES + len(header)
    stored: Stored = []
    with CheckedWriter(path) as file:
        file.write(len(header).to_bytes(_LENGTH_BYTES, "little") + header)
        for name, chunk in parts:
            stored.append((name, StoredChunk(chunk.offsets, chunk.sizes, path.name, at)))
            for rows in _row_spans(chunk.values):
                file.write(_bytes_of(rows))
            at += chunk.values.nbytes
        return file.finish(), stored


def check_header(file: CheckedReader) -> None:
    """Read what the index tells as well, for it has changed too where a disk fails there.

    Raises CheckpointError.
    """
    file.read(0, _LENGTH_BYTES + int.from_bytes(file.read(0, _LENGTH_BYTES), "little"))


def read_chunk(
    file: CheckedReader, stored: StoredChunk, dtype: str, part: Overlap, into: Chunk
) -> None:
    """Copy what a stored chunk and one of this rank share. Raises CheckpointError."""
    target = into.values[part.within(into.offsets)]
    if not stored.sizes:
        target.copy_(_tensor(file, stored.begin, (), dtype))
        return
    rows, *others = part.within(stored.offsets)
    row_shape = stored.sizes[1:]
    row_bytes = prod(row_shape) * DTYPE_OF[dtype].itemsize
    step = max(1, BLOCK_BYTES // max(1, row_bytes))
    for first in range(rows.start, rows.stop, step):
        end = min(first + step, rows.stop)
        begin = stored.begin + first * row_bytes
        found = _tensor(file, begin, (end - first, *row_shape), dtype)
        target[first - rows.start : end - rows.start].copy_(found[(slice(None), *others)])


def _header(parts: Sequence[tuple[str, Chunk]]) -> bytes:
    """Padded, so that the numbers begin at a multiple of 8 bytes."""
    value, at = {}, 0
    for name, chunk in parts:
        end = at + chunk.values.nbytes
        spans = (f"{o}:{o + n}" for o, n in zip(chunk.offsets, chunk.sizes, strict=True))
        value[f"{name}[{','.join(spans)}]"] = {
            "dtype": NUMBER_FORMATS[chunk.values.dtype],
            "shape": list(chunk.sizes),
            "data_offsets": [at, end],
        }
        at = end
    text = json.dumps(value, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % _LENGTH_BYTES)


def _row_spans(values: Tensor) -> Iterator[Tensor]:
    """The rows, some at a time: a table need not fit into memory twice."""
    if values.dim() == 0 or values.nbytes <= BLOCK_BYTES:
        yield values
        return
    yield from values.split(max(1, BLOCK_BYTES * len(values) // values.nbytes))


def _bytes_of(values: Tensor) -> memoryview:
    flat = values.detach().contiguous().cpu().reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy())


def _tensor(file: CheckedReader, begin: int, shape: tuple[int, ...], dtype: str) -> Tensor:
    kind = DTYPE_OF[dtype]
    size = prod(shape) * kind.itemsize
    if size == 0:
        return torch.empty(shape, dtype=kind)
    return torch.frombuffer(file.read(begin, begin + size), dtype=kind).view(shape)
