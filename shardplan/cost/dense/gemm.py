"""What products of bf16 matrices take on a device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.workload.dense.operation import Shape


class Gemm(ABC):
    """Times of products, measured or modelled."""

    @abstractmethod
    def seconds(self, shape: Shape) -> float:
        """Of one product."""

    @property
    @abstractmethod
    def start_seconds(self) -> float:
        """Of the smallest product."""

    @property
    @abstractmethod
    def flop_per_second(self) -> float:
        """The most that any product attains."""
