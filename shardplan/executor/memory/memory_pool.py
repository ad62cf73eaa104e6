"""Pools of memory with limits: what of each tier one rank may hold, and what it does hold."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

import torch

from shardplan.errors import MemoryExceeded
from shardplan.executor.memory.huge_pages import zeros_on_host
from shardplan.executor.planned.tier_limits import UNLIMITED, TierLimits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.executor.tensors.tensor import Device, Tensor


class MemoryPool:
    """The memory of one tier; on a CPU machine HBM is such a pool of host memory."""

    def __init__(
        self,
        tier: str,
        capacity_bytes: int | None = None,
        device: Device = "cpu",
        pinned: bool = False,
    ) -> None:
        self.tier = tier
        self.capacity_bytes = capacity_bytes
        """None where there is no limit."""
        self.used_bytes = 0
        self.peak_bytes = 0
        self.device = torch.device(device)
        self.bytes_by_use: Counter[str] = Counter()
        """What each use holds at its own peak."""
        self._held: Counter[str] = Counter()
        self._pinned = pinned

    def allocate(self, shape: Sequence[int], dtype: torch.dtype, use: str) -> Tensor:
        """A tensor of zeros that counts against the pool.

        Raises MemoryExceeded where the pool, or the machine, has no room for it.
        """
        count, device = _bytes(shape, dtype), self.device
        self.charge(count, use)
        try:
            if device.type == "cpu" and not self._pinned:
                return zeros_on_host(shape, dtype)
            return torch.zeros(tuple(shape), dtype=dtype, device=device, pin_memory=self._pinned)
        except (RuntimeError, OSError) as error:  # of CUDA as well as of the host
            self.release(count, use)
            raise MemoryExceeded(
                f"{self.tier} holds {self.used_bytes:,} bytes, and this machine has no room for "
                f"the {count:,} more that {use} needs"
            ) from error

    def charge(self, count: int, use: str) -> None:
        """Count bytes as held. Raises MemoryExceeded where the pool has no room for them."""
        self.require(count, use)
        self.used_bytes += count
        self.peak_bytes = max(self.peak_bytes, self.used_bytes)
        self._held[use] += count
        self.bytes_by_use[use] = max(self.bytes_by_use[use], self._held[use])

    def release(self, count: int, use: str) -> None:
        """Count bytes as given back."""
        self.used_bytes -= count
        self._held[use] -= count

    @contextmanager
    def held(self, count: int, use: str) -> Iterator[None]:
        """Count bytes as held inside. Raises MemoryExceeded."""
        self.charge(count, use)
        try:
            yield
        finally:
            self.release(count, use)

    def require(self, count: int, use: str) -> None:
        """Raise MemoryExceeded where the pool has no room for that many bytes more."""
        if self.capacity_bytes is not None and self.used_bytes + count > self.capacity_bytes:
            raise MemoryExceeded(
                f"{self.tier} holds {self.used_bytes:,} of {self.capacity_bytes:,} bytes; "
                f"{use} needs {count:,} more"
            )


class FilePool(MemoryPool):
    """SSD: every tensor is a file that is mapped into memory, so that the system pages it."""

    def __init__(self, folder: str | Path | None = None, capacity_bytes: int | None = None) -> None:
        """Without a folder, files have no names: they go with the process, even if it is killed."""
        super().__init__("ssd", capacity_bytes)
        self._folder = None if folder is None else Path(folder)
        self._files = 0

    def allocate(self, shape: Sequence[int], dtype: torch.dtype, use: str) -> Tensor:
        """A tensor of zeros in a file of its own, whose room on the disk is taken at once.

        A mapped file that runs out of room later ends the process. Raises MemoryExceeded.
        """
        count = _bytes(shape, dtype)
        self.charge(count, use)
        try:
            with self._file() as file:
                os.posix_fallocate(file.fileno(), 0, max(count, 1))
                numbers, path = count // dtype.itemsize, f"/dev/fd/{file.fileno()}"
                mapped = torch.from_file(path, shared=True, size=numbers, dtype=dtype)
        except OSError as error:
            self.release(count, use)
            raise MemoryExceeded(
                f"ssd holds {self.used_bytes:,} bytes, and the disk has no room for the {count:,} "
                f"more that {use} needs: {error.strerror or error}"
            ) from error
        return mapped.view(tuple(shape))

    def _file(self) -> IO[bytes]:
        if self._folder is None:
            return tempfile.TemporaryFile(prefix="shardplan-ssd-")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._files += 1
        return (self._folder / f"rows-{self._files - 1}.bin").open("w+b")


def _bytes(shape: Sequence[int], dtype: torch.dtype) -> int:
    count = int(dtype.itemsize)
    for size in shape:
        count *= size
    return count


@dataclass(frozen=True, slots=True)
class Pools:
    """The tiers of one rank."""

    hbm: MemoryPool
    ddr: MemoryPool
    ssd: MemoryPool

    @property
    def limits(self) -> TierLimits:
        """What of each tier may be held."""
        return TierLimits(*(each.capacity_bytes for each in (self.hbm, self.ddr, self.ssd)))

    @classmethod
    def on(
        cls,
        device: Device,
        limits: TierLimits = UNLIMITED,
        folder: str | Path | None = None,
    ) -> Self:
        """Pools of a device and its host; ``folder`` is on the SSD."""
        on_gpu = torch.device(device).type == "cuda"
        return cls(
            MemoryPool("hbm", limits.hbm_bytes, device),
            MemoryPool("ddr", limits.ddr_bytes, pinned=on_gpu),
            FilePool(folder, limits.ssd_bytes),
        )
