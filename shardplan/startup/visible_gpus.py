"""The GPUs that this process sees, where PyTorch is installed and finds any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class VisibleGpus:
    """How many there are, and the one that is this process's own."""

    count: int
    name: str
    free_bytes: int
    """Of its own one: what neither this process nor another has taken."""

    @classmethod
    def of_process(cls, local_rank: int | None) -> Self | None:
        """None without PyTorch or GPUs.

        Its own is the one with its number on the node, or the only one that it is let see.
        """
        try:
            import torch
        except (ImportError, OSError):  # OSError: a library that it is linked to is not there.
            return None
        if not torch.cuda.is_available():
            return None
        count = torch.cuda.device_count()
        own = 0 if local_rank is None or local_rank >= count else local_rank
        free_bytes, _ = torch.cuda.mem_get_info(own)
        return cls(count, torch.cuda.get_device_name(own), free_bytes)
