"""What one collective does to one level of the network, and the link that holds it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LevelName = Literal["scale_up", "scale_out"]


@dataclass(frozen=True, slots=True)
class Level:
    """The part of a collective that stays inside the scale-up domains, or that crosses them.

    With a buffer of S bytes per device it takes ``S * bytes_share / bytes_per_second`` seconds at
    full link rate.
    """

    name: LevelName
    bytes_share: float
    """Bytes that the busiest device moves (the larger of sent and received) per byte of S."""
    bytes_per_second: float
    """What that device gets when all devices move at once: the bottleneck link's rate, shared."""
    ranks: int
    """Devices that exchange with one another at this level."""


@dataclass(frozen=True, slots=True)
class Link:
    """One direction of one link of the graph."""

    tail: str
    """The vertex it leaves, such as "nic:0.3"."""
    head: str
    """The vertex it enters, such as "rack:0"."""
    bytes_per_second: float

    def __str__(self) -> str:
        """``nic:0.3 -> rack:0``."""
        return f"{self.tail} -> {self.head}"
