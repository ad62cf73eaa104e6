"""A mixed-integer linear program as arrays, built block by block."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

INFINITY = float("inf")


@dataclass(frozen=True)
class Program:
    """Minimise ``cost @ x``, where ``row_lower <= A x <= row_upper`` and ``lower <= x <= upper``.

    A is held by rows: row ``r`` has the entries ``row_starts[r]:row_starts[r + 1]`` of
    ``columns`` and ``values``.
    """

    cost: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    integer: NDArray[np.bool_]
    row_lower: NDArray[np.float64]
    row_upper: NDArray[np.float64]
    row_starts: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float64]
    column_names: tuple[str, ...]
    row_names: tuple[str, ...]
    """Names are empty unless the builder was asked for them: they are for LP files alone."""

    @property
    def column_count(self) -> int:
        """How many variables there are."""
        return len(self.cost)

    @property
    def row_count(self) -> int:
        """How many constraints there are."""
        return len(self.row_lower)

    def with_row(self, family: str, weights: NDArray[np.float64], upper: float) -> Program:
        """The same with one more constraint: the variables, (columns,) ``weights`` of each, add up
        to ``upper`` at most."""
        at = np.flatnonzero(weights)
        return replace(
            self,
            row_lower=np.append(self.row_lower, -INFINITY),
            row_upper=np.append(self.row_upper, upper),
            row_starts=np.append(self.row_starts, self.row_starts[-1] + len(at)),
            columns=np.append(self.columns, at),
            values=np.append(self.values, weights[at]),
            row_names=(*self.row_names, family) if self.row_names else (),
        )


class ProgramBuilder:
    """Gathers blocks of variables and constraints; ``build`` freezes them into a ``Program``.

    Names look like ``x_0012_03``: a family and zero-padded indices, so that they sort as numbers
    do. They are only formed when ``named``, since a large program has hundreds of thousands.
    """

    def __init__(self, *, named: bool = False) -> None:
        self._named = named
        self._column_blocks: list[tuple[NDArray[np.float64], ...]] = []
        self._row_bounds: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        self._entries: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
        self._column_names: list[str] = []
        self._row_names: list[str] = []
        self.column_count = 0
        self.row_count = 0

    def add_columns(
        self,
        family: str,
        indices: Sequence[ArrayLike],
        *,
        cost: ArrayLike = 0.0,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = INFINITY,
        integer: ArrayLike = False,
    ) -> NDArray[np.int64]:
        """Add one variable per position of ``indices`` (parallel arrays); returns their columns."""
        count = len(np.atleast_1d(indices[0]))
        self._column_blocks.append(
            tuple(
                np.broadcast_to(np.asarray(part, dtype=np.float64), (count,))
                for part in (cost, lower, upper, integer)
            )
        )
        if self._named:
            self._column_names += _names(family, indices, count)
        first = self.column_count
        self.column_count += count
        return np.arange(first, self.column_count)

    def add_rows(
        self,
        family: str,
        indices: Sequence[ArrayLike],
        *,
        lower: ArrayLike = -INFINITY,
        upper: ArrayLike = INFINITY,
    ) -> NDArray[np.int64]:
        """Add one empty constraint per position of ``indices``; returns their rows."""
        count = len(np.atleast_1d(indices[0]))
        self._row_bounds.append(
            (
                np.broadcast_to(np.asarray(lower, dtype=np.float64), (count,)),
                np.broadcast_to(np.asarray(upper, dtype=np.float64), (count,)),
            )
        )
        if self._named:
            self._row_names += _names(family, indices, count)
        first = self.row_count
        self.row_count += count
        return np.arange(first, self.row_count)

    def add_entries(self, rows: ArrayLike, columns: ArrayLike, values: ArrayLike) -> None:
        """Put ``values`` at (``rows``, ``columns``); the three broadcast, zeros are dropped."""
        row, column, value = np.broadcast_arrays(rows, columns, np.asarray(values, np.float64))
        keep = value != 0
        self._entries.append(
            (row[keep].astype(np.int64), column[keep].astype(np.int64), value[keep])
        )

    def build(self) -> Program:
        """The program gathered so far."""
        cost, lower, upper, integer = (
            np.concatenate([block[part] for block in self._column_blocks]) for part in range(4)
        )
        row, column, value = (
            np.concatenate([entry[part] for entry in self._entries]) for part in range(3)
        )
        order = np.lexsort((column, row))
        starts = np.zeros(self.row_count + 1, dtype=np.int64)
        np.cumsum(np.bincount(row, minlength=self.row_count), out=starts[1:])
        return Program(
            cost,
            lower,
            upper,
            integer.astype(bool),
            row_lower=np.concatenate([bounds[0] for bounds in self._row_bounds]),
            row_upper=np.concatenate([bounds[1] for bounds in self._row_bounds]),
            row_starts=starts,
            columns=column[order],
            values=value[order],
            column_names=tuple(self._column_names),
            row_names=tuple(self._row_names),
        )


def _names(family: str, indices: Sequence[ArrayLike], count: int) -> list[str]:
    """``family_0001_02``: one name per position, each index padded to the width of its largest."""
    parts = [np.atleast_1d(np.asarray(index)) for index in indices]
    widths = [len(str(int(part.max()))) if len(part) else 1 for part in parts]
    return [
        "_".join(
            [
                family,
                *(
                    f"{int(part[position]):0{width}d}"
                    for part, width in zip(parts, widths, strict=True)
                ),
            ]
        )
        for position in range(count)
    ]
