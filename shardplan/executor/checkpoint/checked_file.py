"""Files whose every block has a checksum: what is read of them is what was written."""

from __future__ import annotations

import os
import stat
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Self

from shardplan.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

BLOCK_BYTES = 4 * 2**20
"""What one checksum covers: the least that is read."""
_MOST_BLOCK_BYTES = 2**30
"""What this shardplan reads at once."""


def opened_to_read(path: Path) -> BinaryIO:
    """A file, without buffers. Raises CheckpointError where there is none, or no plain file.

    Opening a pipe would wait for whoever writes to it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CheckpointError(f"{path} cannot be read: {reason}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise CheckpointError(f"{path} cannot be read: it is no file")
    return os.fdopen(descriptor, "rb", buffering=0)


@dataclass(frozen=True, slots=True)
class FileSums:
    """The size of a file and the CRC-32 of each of its blocks; a flipped byte changes one."""

    bytes: int
    sums: tuple[int, ...]
    block_bytes: int

    def __post_init__(self) -> None:
        if not 1 <= self.block_bytes <= _MOST_BLOCK_BYTES:
            raise ValueError(f"no checksums are of blocks of {self.block_bytes} bytes")
        if len(self.sums) != -(-self.bytes // self.block_bytes):
            raise ValueError("the checksums are not as many as the blocks")


class CheckedWriter:
    """Writes a file from its beginning to its end."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb", buffering=0)
        self._sums: list[int] = []
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, data: bytes | memoryview) -> None:
        """Append. Raises OSError, as where the disk is full."""
        rest = memoryview(data)
        while rest.nbytes:
            filled = self._bytes % BLOCK_BYTES
            part = rest[: BLOCK_BYTES - filled]
            if filled:
                self._sums[-1] = zlib.crc32(part, self._sums[-1])
            else:
                self._sums.append(zlib.crc32(part))
            self._write_all(part)
            self._bytes += part.nbytes
            rest = rest[part.nbytes :]

    def finish(self) -> FileSums:
        """Flush to the disk; what the file's checksums are."""
        os.fsync(self._file.fileno())
        return FileSums(self._bytes, tuple(self._sums), BLOCK_BYTES)

    def _write_all(self, part: memoryview) -> None:
        """The system may take less at once than it is offered."""
        while part.nbytes:
            part = part[self._file.write(part) :]


class CheckedReader:
    """Reads parts of a file, and hands on only what its checksums agree with."""

    def __init__(self, path: Path, sums: FileSums) -> None:
        """Raises CheckpointError where the file is not there or has another size."""
        self._path, self._sums = path, sums
        self._last = (-1, b"")
        """Number and bytes of the block read last: neighbours are read one after the other."""
        self._file = opened_to_read(path)
        size = os.fstat(self._file.fileno()).st_size
        if size != sums.bytes:
            self._file.close()
            raise CheckpointError(f"{path} is damaged: it has {size:,} bytes, not {sums.bytes:,}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, begin: int, end: int) -> bytearray:
        """The bytes from ``begin`` to ``end``. Raises CheckpointError where any has changed."""
        if end > self._sums.bytes:
            raise CheckpointError(f"{self._path} is no data of a checkpoint: its header is wrong")
        size, found = self._sums.block_bytes, bytearray()
        for number in range(begin // size, -(-end // size)):
            block, first = self._block(number), number * size
            found += memoryview(block)[max(begin - first, 0) : end - first]
        return found

    def _block(self, number: int) -> bytes:
        if self._last[0] != number:
            self._last = (number, self._read_block(number))
        return self._last[1]

    def _read_block(self, number: int) -> bytes:
        size = self._sums.block_bytes
        try:
            data = os.pread(self._file.fileno(), size, number * size)
        except OSError as error:
            raise CheckpointError(f"{self._path} cannot be read: {error.strerror}") from None
        if zlib.crc32(data) != self._sums.sums[number]:
            where = f"between bytes {number * size:,} and {number * size + len(data):,}"
            raise CheckpointError(f"{self._path} is damaged {where}: its checksum is another")
        return data
