"""Text and Arrow files made Parquet once, so that each feature is read by itself ever after."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from pyarrow import parquet

from shardplan.profile.sources.found import DataFormat
from shardplan.profile.sources.line_faults import line_fault
from shardplan.profile.sources.parsing import ODD_KEY, TEXT_KEY, Parser
from shardplan.profile.storage import no_room, opened, refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shardplan.profile.engine.duckdb_engine import DuckdbEngine
    from shardplan.profile.sources.found import DataFile


_ARROW = b"ARROW1"
"""How a file of Arrow's begins, and no stream."""


def staged(
    file: DataFile,
    folder: Path,
    scratch: Path,
    engine: DuckdbEngine,
    nulls: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> str:
    """The path of a Parquet file with what a file holds, in its order; of Parquet the file itself.

    What was made before of the same file in the same folder is taken as it is, so that a run that
    was stopped goes on; what is half done lies in ``scratch``, of the same disk. ``nulls`` are
    texts that mean a missing value, besides none at all; the columns ``whole`` stay text.

    Raises InputError, with the line where one is at fault, or the folder where its disk is full.
    """
    if file.form is DataFormat.PARQUET:
        return file.path
    said = repr((file.path, file.size_bytes, file.modified, file.form, nulls, whole))
    target = folder / f"{hashlib.sha256(said.encode()).hexdigest()[:24]}.parquet"
    if target.exists():
        return str(target)
    half = scratch / f"{target.stem}.half"
    try:
        if file.size_bytes == 0:
            raise refused(file.path, "is empty")
        if file.form is DataFormat.ARROW:
            _from_arrow(file, half)
        else:
            _from_text(file, half, engine, nulls, whole)
        os.replace(half, target)
    finally:
        half.unlink(missing_ok=True)
    return str(target)


def text_columns(path: str) -> frozenset[str]:
    """Columns of a staged file whose ids stand for text."""
    return frozenset(_told(path, TEXT_KEY))


def odd_columns(path: str) -> list[str]:
    """What is to be told of columns of a staged file that a few cells keep from being ids."""
    return _told(path, ODD_KEY)


def _told(path: str, key: str) -> list[str]:
    with opened(path) as stream:
        described = parquet.read_metadata(stream).metadata or {}
    return [each for each in described.get(key.encode(), b"").decode().split("\x1f") if each]


def _from_arrow(file: DataFile, half: Path) -> None:
    try:
        with opened(file.path) as stream:
            is_file = stream.read(len(_ARROW)) == _ARROW
            stream.seek(0)
            with (
                (pa.ipc.open_file if is_file else pa.ipc.open_stream)(stream) as reader,
                parquet.ParquetWriter(half, reader.schema) as writer,
            ):
                numbers = range(reader.num_record_batches) if is_file else ()
                for batch in map(reader.get_batch, numbers) if is_file else reader:
                    writer.write_batch(batch)
    except pa.ArrowException as error:
        raise refused(file.path, f"is no Arrow file: {error}") from None


def _from_text(
    file: DataFile, half: Path, engine: DuckdbEngine, nulls: Sequence[str], whole: Sequence[str]
) -> None:
    engine.reach(file.path)
    parser = Parser(engine.connection, file, nulls, whole)
    try:
        parser.write(half)
    except duckdb.Error as error:
        raise no_room(half.parent.parent, error) or line_fault(file, str(error)) from None
