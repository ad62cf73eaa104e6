"""Rows of measured steps for tests of what is made of them."""

from __future__ import annotations

from typing import Any


def step_row(*seconds: float, **more: Any) -> Any:
    """shardplan's plan of one model under TorchRec with SGD, unless something else is said."""
    from executed_rows import StepRow

    given: dict[str, Any] = {
        "series": "plans",
        "engine": "torchrec",
        "optimizer": "sgd",
        "is_known": True,
        "model": "m",
        "contenders": ("shardplan",),
        "machine": "2 cores of Some Processor",
        "processes": 2,
        "predicted_seconds": 0.01,
        "sharding": {"table_wise": 3},
        "core_seconds": tuple(each / 2 for each in seconds),
        "part_seconds": (0.0, 0.0, 0.0),
    }
    return StepRow(seconds=seconds, **given | more)


def cells(lines: Any) -> list[dict[str, str]]:
    """The lines of a table, by the names of its columns."""
    header, found = lines
    return [dict(zip(header, line, strict=True)) for line in found]
