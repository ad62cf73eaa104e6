"""Metrics as JSON, a line for each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from shardplan.executor.train.tell import tell

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shardplan.executor.train.metrics.step_metrics import StepMetrics


class JsonLines:
    """A file that grows; each line is in it at once, whatever becomes of the job.

    Where there is no more room, training goes on and the file ends.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any], goes_on: bool) -> None:
        """``facts`` are in every line; ``goes_on``: behind what is there. Raises OSError."""
        self._path, self._facts = path, dict(facts)
        self._file = open(path, "a" if goes_on else "w", encoding="utf-8")  # noqa: SIM115
        self._is_full = False

    def put(self, metrics: StepMetrics) -> None:
        """Write a line."""
        if self._is_full:
            return
        try:
            self._file.write(json.dumps(self._facts | metrics.as_json()) + "\n")
            self._file.flush()
        except OSError as error:
            self._is_full = True
            tell(f"warning: {self._path}: {error.strerror or error}: no more metrics are written")

    def close(self) -> None:
        """No more lines come."""
        try:
            self._file.close()
        except OSError:  # What could not be written is still in its buffer, and was told of.
            self._is_full = True
