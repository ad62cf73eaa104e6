"""What a cost-model file says of matrix products."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from shardplan.spec.fields.border import Border
from shardplan.spec.fields.figure import Figure, Provenance
from shardplan.spec.fields.quantities import (
    BytesPerSecond,
    Count,
    FlopPerSecond,
    Microseconds,
    Seconds,
    Share,
)
from shardplan.spec.validation.fault import fault

Axis = Annotated[tuple[Count, ...], Field(min_length=1)]
"""Measured sizes, rising."""

_ROOFLINE = ("t0", "e", "peak", "h", "memory")


class GridFile(Border):
    """Measured times of bf16 products C[m, n] = A[m, k] B[k, n]: in a file of their own or here."""

    file: Annotated[str, Field(min_length=1)] | None = None
    """A .csv file beside the cost model, or beside those that come with shardplan: columns m and n
    and one for each k, microseconds in them."""
    m: Axis | None = None
    n: Axis | None = None
    k: Axis | None = None
    microseconds: tuple[tuple[tuple[Microseconds, ...], ...], ...] | None = None
    """For each m a list, in it for each n a list, in it one for each k."""
    provenance: Provenance | None = None
    """How the times are known."""
    source: str = ""
    """Where they are from: a key of the file's ``sources``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        cells = (self.m, self.n, self.k, self.microseconds)
        if self.file is not None:
            if any(part is not None for part in cells):
                raise fault("has a file, and times of its own", "drop one of the two", at=("file",))
            return self
        if self.m is None or self.n is None or self.k is None or self.microseconds is None:
            raise fault("needs a file, or m, n, k and microseconds", "for example {file: grid.csv}")
        for name, axis in (("m", self.m), ("n", self.n), ("k", self.k)):
            if any(size >= larger for size, larger in pairwise(axis)):
                raise fault("sizes must rise", "sort them, and the times with them", at=(name,))
        self._check_cells(self.microseconds, (len(self.m), len(self.n), len(self.k)))
        return self

    def __str__(self) -> str:
        """In a few words, for lists of figures."""
        if self.m is None or self.n is None or self.k is None:
            return f"products of {self.file}"
        return f"{len(self.m)} x {len(self.n)} x {len(self.k)} products"

    def _check_cells(
        self, cells: tuple[tuple[tuple[float, ...], ...], ...], sizes: tuple[int, int, int]
    ) -> None:
        of_m, of_n, of_k = sizes
        parts: list[tuple[tuple[int, ...], int, int]] = [((), len(cells), of_m)]
        parts += [((m,), len(rows), of_n) for m, rows in enumerate(cells)]
        parts += [
            ((m, n), len(row), of_k) for m, rows in enumerate(cells) for n, row in enumerate(rows)
        ]
        for at, there, needed in parts:
            if there != needed:
                message = f"has {there} parts in place of {needed}"
                raise fault(message, "the grid must be full", at=("microseconds", *at))


class TilesFile(Border):
    """How products are cut into tiles, one for each processor at a time."""

    processors: Count
    """That take a tile each, such as the streaming multiprocessors of a GPU."""
    shapes: Annotated[tuple[tuple[Count, Count], ...], Field(min_length=1)]
    """Rows and columns of the tiles that the library has."""
    pieces: Annotated[tuple[Count, ...], Field(min_length=1)] = (1,)
    """Into how many the library cuts k, where tiles are few."""
    provenance: Provenance | None = None
    """How they are known."""
    source: str = ""
    """Where they are from: a key of the file's ``sources``."""

    def __str__(self) -> str:
        """In a few words, for lists of figures."""
        return f"{len(self.shapes)} shapes of tiles on {self.processors} processors"


class GemmFile(Border):
    """Products in bf16: a measured grid, or a roofline
    ``t0 + max(2 m n k / (e * peak), 2 (m k + k n + m n) / (h * memory))``.
    """

    grid: GridFile | None = None
    """Measured times."""
    tiles: TilesFile | None = None
    """Where products go over the device in whole waves of tiles: between the points of the grid
    they are taken to do so."""
    t0: Figure[Seconds] | None = None
    """Of a product of next to nothing."""
    e: Figure[Share] | None = None
    """Share of the peak that large products attain."""
    peak: Figure[FlopPerSecond] | None = None
    """Of bf16 products without sparsity."""
    h: Figure[Share] | None = None
    """Share of the memory's rate that narrow products attain."""
    memory: Figure[BytesPerSecond] | None = None
    """Rate of the memory."""
    tf32: Figure[Share] | None = None
    """Rate of products in tf32, over that of bf16."""
    fp32: Figure[Share] | None = None
    """Rate of products in fp32, over that of bf16."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [name for name in _ROOFLINE if getattr(self, name) is not None]
        if self.grid is not None and given:
            raise fault("a grid needs no roofline", "drop the one or the other", at=(given[0],))
        if self.grid is None and len(given) < len(_ROOFLINE):
            missing = ", ".join(name for name in _ROOFLINE if name not in given)
            hint = "name a grid's file, or give what is missing"
            raise fault(f"needs a grid, or a whole roofline ({missing} missing)", hint)
        if self.tiles is not None and self.grid is None:
            raise fault("tiles stand between the points of a grid", "drop them", at=("tiles",))
        if self.t0 is not None and self.t0.value <= 0:
            message = "must be more than 0: no product takes no time"
            raise fault(message, "measure the smallest product", "range", ("t0", "value"))
        return self
