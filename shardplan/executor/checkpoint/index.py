"""What a checkpoint holds, as JSON beside its data: which numbers lie where in which file."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, NoReturn

from shardplan.errors import CheckpointError
from shardplan.executor.checkpoint.checked_file import FileSums, opened_to_read
from shardplan.executor.checkpoint.held_tensor import overlap
from shardplan.executor.checkpoint.number_formats import NUMBER_BYTES
from shardplan.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from shardplan.executor.checkpoint.held_tensor import Extent

INDEX = "index.json"
FORMAT_VERSION = "1.0"
_MOST_BYTES = 2**30
_END = re.compile(r',\n"sha256": "([0-9a-f]{64})"\}\n')
_END_CHARACTERS = len(',\n"sha256": ""}\n') + 64
_FILE = re.compile(r"rank-[0-9]{5,9}\.safetensors")


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A rectangle of a tensor, row by row in a file."""

    offsets: Extent
    sizes: Extent
    file: str
    begin: int
    """The first of its bytes in the file."""


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor, and the rectangles that it is cut into."""

    shape: Extent
    dtype: str
    """As safetensors calls it, such as ``F32``."""
    chunks: tuple[StoredChunk, ...]


@dataclass(frozen=True, slots=True)
class CheckpointIndex:
    """All of a checkpoint."""

    step: int
    tensors: Mapping[str, StoredTensor]
    files: Mapping[str, FileSums]

    def as_text(self) -> str:
        """JSON whose last key is the SHA-256 of all that stands before it."""
        value = {
            "format_version": FORMAT_VERSION,
            "step": self.step,
            "files": {name: _written_sums(sums) for name, sums in self.files.items()},
            "tensors": {name: _written(tensor) for name, tensor in self.tensors.items()},
        }
        text = json.dumps(value, separators=(",", ":")).removesuffix("}")
        digest = hashlib.sha256(text.encode()).hexdigest()
        return f'{text},\n"sha256": "{digest}"}}\n'

    @staticmethod
    def read(folder: Path) -> CheckpointIndex:
        """The index of a checkpoint's folder.

        Raises CheckpointError where there is none, or not one that holds every tensor wholly.
        """
        path = folder / INDEX
        try:
            with opened_to_read(path) as file:
                size = os.fstat(file.fileno()).st_size
                data = file.read(min(size, _MOST_BYTES + 1))
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
        try:
            return _parsed(data, path)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            _fail(path, f"is not the index of a checkpoint: {printable(str(error))[:200]}")


def _parsed(data: bytes, path: Path) -> CheckpointIndex:
    if len(data) > _MOST_BYTES:
        _fail(path, f"is larger than {_MOST_BYTES >> 30} GiB")
    text, end = data[:-_END_CHARACTERS], data[-_END_CHARACTERS:].decode("ascii", "replace")
    stated = _END.fullmatch(end)
    if stated is None or stated[1] != hashlib.sha256(text).hexdigest():
        _fail(path, "is damaged: its checksum is another")
    value = json.loads(text + b"}")
    version = str(value["format_version"])
    if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        _fail(path, f"is of format {printable(version)}; this shardplan reads {FORMAT_VERSION}")
    files = {name: _read_sums(name, sums) for name, sums in value["files"].items()}
    tensors = {name: _read_tensor(name, each, files) for name, each in value["tensors"].items()}
    return CheckpointIndex(_count(value["step"]), tensors, files)


def _fail(path: Path, message: str) -> NoReturn:
    raise CheckpointError(f"{path} {message}")


def _written_sums(sums: FileSums) -> dict[str, Any]:
    crc32 = "".join(f"{each:08x}" for each in sums.sums)
    return {"bytes": sums.bytes, "block_bytes": sums.block_bytes, "crc32": crc32}


def _read_sums(name: str, value: Any) -> FileSums:
    if not _FILE.fullmatch(name):
        raise ValueError(f"no file of a checkpoint is called {name!r}")
    digits = value["crc32"]
    sums = tuple(int(digits[at : at + 8], 16) for at in range(0, len(digits), 8))
    return FileSums(_count(value["bytes"]), sums, _count(value["block_bytes"]))


def _written(tensor: StoredTensor) -> dict[str, Any]:
    chunks = [[list(c.offsets), list(c.sizes), c.file, c.begin] for c in tensor.chunks]
    return {"dtype": tensor.dtype, "shape": list(tensor.shape), "chunks": chunks}


def _read_tensor(name: str, value: Any, files: Mapping[str, FileSums]) -> StoredTensor:
    shape, dtype = _extent(value["shape"]), value["dtype"]
    chunks = tuple(
        StoredChunk(_extent(offsets), _extent(sizes), file, _count(begin))
        for offsets, sizes, file, begin in value["chunks"]
    )
    for chunk in chunks:
        end = chunk.begin + NUMBER_BYTES[dtype] * prod(chunk.sizes)
        if not len(shape) == len(chunk.offsets) == len(chunk.sizes) or any(
            at + size > most
            for at, size, most in zip(chunk.offsets, chunk.sizes, shape, strict=True)
        ):
            raise ValueError(f"a chunk of {name!r} lies outside of it")
        if end > files[chunk.file].bytes:
            raise ValueError(f"a chunk of {name!r} lies behind the end of {chunk.file}")
    if sum(prod(chunk.sizes) for chunk in chunks) != prod(shape) or not _are_apart(chunks):
        raise ValueError(f"its chunks do not make up {name!r}")
    return StoredTensor(shape, dtype, chunks)


def _are_apart(chunks: Sequence[StoredChunk]) -> bool:
    """Whether no two have a number in common: with as many as the tensor has, they are it."""
    above: list[StoredChunk] = []
    for chunk in sorted(chunks, key=lambda each: each.offsets):
        extent = chunk.offsets, chunk.sizes
        above = [each for each in above if each.offsets[0] + each.sizes[0] > chunk.offsets[0]]
        if any(overlap((each.offsets, each.sizes), extent) for each in above):
            return False
        if chunk.offsets:
            above.append(chunk)
    return True


def _extent(value: Any) -> Extent:
    return tuple(map(_count, value))


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is not a count")
    return value
