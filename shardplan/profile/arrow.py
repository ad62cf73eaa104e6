"""Columns as Parquet and back, through pyarrow where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_HINT = 'pip install "shardplan[parquet]"'


def parquet_bytes(columns: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> bytes:
    """The contents of a file with these columns; raises InputError where pyarrow is missing."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        message = "writing .parquet needs pyarrow"
        raise InputError([Diagnostic("", 0, 0, "", message, _HINT, code="file")]) from None
    table = pa.table(dict(columns)).replace_schema_metadata(dict(metadata or {}))
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, compression="zstd")
    data: bytes = sink.getvalue().to_pybytes()
    return data


def read_parquet(path: Path, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Columns as numpy arrays by name, and the metadata.

    Raises InputError where the file cannot be read or lacks one of them, or pyarrow is missing.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise _refused(path, "reading .parquet needs pyarrow", _HINT) from None
    try:
        table = parquet.read_table(path)
    except (ArrowException, OSError, ValueError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition(".")[0]
        raise _refused(path, f"cannot read the file: {reason}") from None
    if missing := [name for name in names if name not in table.column_names]:
        raise _refused(path, f"the column {missing[0]!r} is missing")
    found = {name: table.column(name).to_numpy() for name in names}
    described = table.schema.metadata or {}
    return found, {key.decode(): value.decode() for key, value in described.items()}


def _refused(path: Path, message: str, hint: str = "") -> InputError:
    return InputError([Diagnostic(str(path), 0, 0, "", message, hint, code="file")])
