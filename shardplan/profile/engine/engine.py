"""What of an engine is its own: opening files, keeping a result, and the end of a list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

import narwhals.stable.v2 as nw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from narwhals.stable.v2.dtypes import DType

    Frame = nw.LazyFrame[Any]


def frame_of(native: Any) -> Frame:
    """An engine's own lazy frame as all engines' program takes it."""
    found: Frame = nw.from_native(native)
    return found


def as_pattern(path: str) -> str:
    """A path as Spark and Daft take it, of whose patterns it is to match itself alone."""
    return re.sub(r"[*?\[\]{}\\]", r"\\\g<0>", path)


class Engine(Protocol):
    """Counts; all else of a profile is the same program for each."""

    def samples(self, files: Sequence[str]) -> Frame:
        """Parquet files of the same columns, one after the other."""

    def schema(self, frame: Frame) -> Mapping[str, DType]:
        """The types of a frame's columns."""

    def joined(self, frames: Sequence[Frame]) -> Frame:
        """Frames of the same columns, one after the other, with every row of each."""

    def kept(self, frame: Frame) -> AbstractContextManager[Frame]:
        """The frame computed once, for as long as the block lasts."""

    def write(self, frame: Frame, folder: Path) -> None:
        """Write the frame to Parquet files in a folder, which is not there yet."""

    def without(self, frame: Frame, column: str, atom: int) -> Frame:
        """The frame with a column's lists less every ``atom``; others, null ones too, stay."""

    def cut(self, frame: Frame, column: str, most: int, *, is_back: bool) -> Frame:
        """The frame with the first or last so many elements of a column's lists."""
