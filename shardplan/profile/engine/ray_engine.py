"""Daft on the user's Ray cluster."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from shardplan.profile.engine.engine import as_pattern, frame_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from narwhals.stable.v2.dtypes import DType

    from shardplan.profile.engine.engine import Frame


class RayEngine:
    """Daft with Ray's runner; ``address`` among the options names the cluster."""

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        import daft
        import ray

        if not ray.is_initialized():
            told = {key: _value(text) for key, text in (options or {}).items()}
            ray.init(**told, log_to_driver=False, configure_logging=False)
        daft.set_runner_ray(noop_if_initialized=True)
        self._daft = daft

    def samples(self, files: Sequence[str]) -> Frame:
        """Parquet files of the same columns, as the workers see them."""
        frame = self._daft.read_parquet([*map(as_pattern, files)])
        for field in frame.schema():
            if field.dtype.is_fixed_size_list():  # Of which Parquet knows nothing, and Arrow does.
                lists = self._daft.DataType.list(field.dtype.dtype)
                frame = frame.with_column(field.name, self._daft.col(field.name).cast(lists))
        return frame_of(frame)

    def schema(self, frame: Frame) -> Mapping[str, DType]:
        """By way of Arrow: narwhals-daft 0.5.0 knows no lists."""
        types = frame.to_native().schema().to_pyarrow_schema()
        found: Mapping[str, DType] = nw.from_native(types.empty_table()).schema
        return found

    def joined(self, frames: Sequence[Frame]) -> Frame:
        """By Daft itself: narwhals-daft 0.5.0 drops rows that are in both."""
        first, *others = (frame.to_native() for frame in frames)
        for other in others:
            first = first.concat(other)
        return frame_of(first)

    @contextmanager
    def kept(self, frame: Frame) -> Iterator[Frame]:
        """In Ray's object store."""
        yield frame_of(frame.to_native().collect())

    def write(self, frame: Frame, folder: Path) -> None:
        """To a file of each partition, by the workers."""
        frame.to_native().write_parquet(str(folder))
        folder.mkdir(exist_ok=True)

    def without(self, frame: Frame, column: str, atom: int) -> Frame:
        """By ``list_filter``."""
        # The element once only: Daft 0.7.26 panics where a filter names it twice.
        is_kept = (self._daft.element() != atom).fill_null(True)
        kept = self._daft.col(column).list_filter(is_kept)
        return frame_of(frame.to_native().with_column(column, kept))

    def cut(self, frame: Frame, column: str, most: int, *, is_back: bool) -> Frame:
        """By ``slice``."""
        lists = self._daft.col(column)
        length = lists.list_count("all").cast(self._daft.DataType.int64())
        beyond = (length > most).cast(self._daft.DataType.int64())
        begin = (length - most) * beyond if is_back else 0
        cut = lists.slice(begin, length if is_back else most)
        return frame_of(frame.to_native().with_column(column, cut))


def _value(text: str) -> str | int | bool:
    """What Ray wants of a setting: a number, a truth, or text."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdigit() else text
