"""Which queries come, and when."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.units import format_seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.workload.serving.query_sizes import QuerySizes

_COLUMNS = ("seconds", "candidates")


@dataclass(frozen=True, eq=False, slots=True)
class Arrivals:
    """Queries in the order in which they come."""

    seconds: NDArray[np.float64]
    """(N,): not falling."""
    candidates: NDArray[np.int64]
    """(N,): at least 1 each."""

    @classmethod
    def drawn(
        cls, queries_per_second: float, cv2: float, sizes: QuerySizes, count: int, seed: int
    ) -> Arrivals:
        """Gaps of a gamma distribution: exponential where ``cv2`` is 1, all alike where it is 0."""
        rng = np.random.default_rng(seed)
        mean = 1 / queries_per_second
        gaps = rng.gamma(1 / cv2, mean * cv2, count) if cv2 > 0 else np.full(count, mean)
        return cls(np.cumsum(gaps), sizes.drawn(rng, count))

    @classmethod
    def read(cls, path: str) -> Arrivals:
        """A CSV file with ``seconds`` and ``candidates`` of each query, in the order of arrival.

        Raises InputError with all faults.
        """
        try:
            with Path(path).open(encoding="utf-8", newline="") as stream:
                rows = list(csv.reader(stream))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            message = f"cannot read the file: {getattr(error, 'strerror', None) or error}"
            raise InputError([Diagnostic(path, 0, 0, "", message, code="trace")]) from None
        if not rows or tuple(name.strip() for name in rows[0]) != _COLUMNS:
            message = f"the first line must be {','.join(_COLUMNS)}"
            raise InputError([Diagnostic(path, 1, 1, "", message, code="trace")])
        return cls._of_rows(path, rows)

    @classmethod
    def _of_rows(cls, path: str, rows: list[list[str]]) -> Arrivals:
        seconds: list[float] = []
        candidates: list[int] = []
        faults: list[Diagnostic] = []
        for line, row in enumerate(rows[1:], start=2):
            message = _fault(row, seconds[-1] if seconds else 0.0)
            if message:
                faults.append(Diagnostic(path, line, 1, "", message, code="trace"))
            elif row:
                seconds.append(float(row[0]))
                candidates.append(int(row[1]))
        if faults:
            raise InputError(faults)
        if not seconds:
            message = "there are no queries in it"
            raise InputError([Diagnostic(path, 1, 1, "", message, code="trace")])
        return cls(np.array(seconds), np.array(candidates, dtype=np.int64))

    def scaled(self, factor: float) -> Arrivals:
        """The same queries, coming so many times as fast."""
        return Arrivals(self.seconds / factor, self.candidates)

    @property
    def per_second(self) -> float:
        """Queries between the first and the last; 0 of a single one."""
        lasts = float(self.seconds[-1] - self.seconds[0])
        return (len(self.seconds) - 1) / lasts if lasts > 0 else 0.0


def _fault(row: list[str], before: float) -> str:
    """What is wrong with a line; empty where nothing is."""
    if not row:
        return ""
    try:
        seconds, candidates = float(row[0]), int(row[1])
    except (ValueError, IndexError):
        return "must be a number of seconds and a whole number of candidates"
    if not np.isfinite(seconds) or seconds < before:
        return f"comes before the query above it, at {format_seconds(before)}"
    return "" if candidates >= 1 else "a query has at least 1 candidate"
