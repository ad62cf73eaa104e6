"""How the rows of a sample become one."""

from __future__ import annotations

from enum import StrEnum


class PoolingType(StrEnum):
    """What is made of the rows of a sample and feature, by TorchRec's names."""

    SUM = "sum"
    MEAN = "mean"
    """Their sum divided by how many there are; zeros where there are none."""
