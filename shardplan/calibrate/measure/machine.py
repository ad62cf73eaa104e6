"""What was measured, and with which libraries."""

from __future__ import annotations

import mmap
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shardplan.errors import ShardplanError

_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that a calibration runs on."""

    description: str
    libraries: dict[str, str]
    on_gpu: bool
    page_bytes: int
    """Of the memory that tables lie in; 0 where gathering is not fitted, as on GPUs."""
    gpus: int = 0
    """How many there are, where they are measured."""

    def __str__(self) -> str:
        """The machine and its libraries in a line."""
        libraries = (f"{name} {version}" for name, version in self.libraries.items())
        return ", ".join((self.description, *libraries))

    @classmethod
    def here(cls, device: str = "auto") -> Self:
        """This machine, by its ``cpu``, its ``cuda`` devices, or ``auto``: what there is.

        Needs PyTorch; raises ShardplanError where there is no such device.
        """
        import torch

        on_gpu = device != "cpu" and torch.cuda.is_available()
        if device == "cuda" and not on_gpu:
            raise ShardplanError("there is no CUDA device that PyTorch can use")
        libraries = {"python": platform.python_version(), "torch": str(torch.__version__)}
        if on_gpu:
            libraries["cuda"] = str(torch.version.cuda)
            count, name = torch.cuda.device_count(), torch.cuda.get_device_name()
            return cls(f"{count} x {name}", libraries, True, 0, count)
        description = f"{os.cpu_count()} cores of {_cpu_name()}, {platform.system()}"
        return cls(description, libraries, False, mmap.PAGESIZE)


def _cpu_name() -> str:
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
