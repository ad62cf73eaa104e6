"""The user's own PySpark session."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.profile.engine.engine import as_pattern, frame_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from narwhals.stable.v2.dtypes import DType

    from shardplan.profile.engine.engine import Frame


_SETTINGS = ("spark.", "hive.")
"""How the keys begin that a session takes; of others it says nothing."""


def check_options(options: Mapping[str, str]) -> None:
    """Raise InputError for settings that a session would ignore."""
    faults = [
        Diagnostic(
            "--engine-option", 0, 0, "", f"{key!r} is no setting of Spark's",
            f"did you mean spark.{key}?", code="usage",
        )
        for key in options
        if not key.startswith(_SETTINGS)
    ]  # fmt: skip
    if faults:
        raise InputError(faults)


class SparkEngine:
    """The session that runs, or one as the surroundings and ``options`` say.

    Raises InputError for options that are none of Spark's.
    """

    def __init__(self, options: Mapping[str, str] | None = None, session: Any = None) -> None:
        check_options(options or {})
        from pyspark.sql import SparkSession

        builder = SparkSession.builder
        for key, value in (options or {}).items():
            builder = builder.config(key, value)
        self._session = session or builder.getOrCreate()

    def samples(self, files: Sequence[str]) -> Frame:
        """Parquet files of the same columns, as the workers see them."""
        return frame_of(self._session.read.parquet(*map(as_pattern, files)))

    def schema(self, frame: Frame) -> Mapping[str, DType]:
        """As Narwhals tells it."""
        return frame.collect_schema()

    def joined(self, frames: Sequence[Frame]) -> Frame:
        """By a union of all rows."""
        return nw.concat(frames)

    @contextmanager
    def kept(self, frame: Frame) -> Iterator[Frame]:
        """In the memory of the workers, and on their disks."""
        native = frame.to_native().persist()
        try:
            yield frame_of(native)
        finally:
            native.unpersist()

    def write(self, frame: Frame, folder: Path) -> None:
        """To a file of each partition, by the workers."""
        frame.to_native().write.parquet(str(folder))

    def without(self, frame: Frame, column: str, atom: int) -> Frame:
        """By ``filter``."""
        from pyspark.sql import functions as F

        kept = F.filter(F.col(f"`{column}`"), lambda x: ~x.eqNullSafe(F.lit(atom)))
        return frame_of(frame.to_native().withColumn(column, kept))

    def cut(self, frame: Frame, column: str, most: int, *, is_back: bool) -> Frame:
        """By ``slice``."""
        from pyspark.sql import functions as F

        lists = F.col(f"`{column}`")
        cut = F.slice(lists, -most, most) if is_back else F.slice(lists, 1, most)
        shortened = F.when(F.size(lists) > most, cut).otherwise(lists)
        return frame_of(frame.to_native().withColumn(column, shortened))
