"""Whole numbers of JSON that DuckDB takes for floats: negative ones among others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.profile.sources.odd_cells import WHOLE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from duckdb import DuckDBPyConnection

_FLOATS = {"DOUBLE": "", "DOUBLE[]": "[]"}
"""By type, what stands behind that of the cells."""


def maybe_whole(
    connection: DuckDBPyConnection, parquet: str, kinds: Mapping[str, str]
) -> list[str]:
    """Columns of floats whose values are all whole, as SQL has their names.

    ``parquet`` is what they are read from, and ``kinds`` the types of all columns by such names.
    """
    return [
        column
        for column, kind in kinds.items()
        if kind in _FLOATS and _holds(connection, column, "cell = floor(cell)", kind, parquet)
    ]


def as_written(columns: Collection[str], kinds: Mapping[str, str]) -> str:
    """Columns as ``read_json`` gives them as text, as they are written."""
    named = (column[1:-1].replace('""', '"').replace("'", "''") for column in columns)
    types = (f"VARCHAR{_FLOATS[kinds[column]]}" for column in columns)
    pairs = (f"'{name}': '{kind}'" for name, kind in zip(named, types, strict=True))
    return f"{{{', '.join(pairs)}}}"


def written_whole(
    connection: DuckDBPyConnection,
    parquet: str,
    columns: Collection[str],
    kinds: Mapping[str, str],
) -> dict[str, str]:
    """Of the columns as text those of whole numbers of 64 bits, each with its type."""
    fits = f"regexp_full_match(cell, '{WHOLE}') and try_cast(cell as BIGINT) is not null"
    return {
        column: f"BIGINT{_FLOATS[kinds[column]]}"
        for column in columns
        if _holds(connection, column, fits, kinds[column], parquet)
    }


def _holds(
    connection: DuckDBPyConnection, column: str, asked: str, kind: str, parquet: str
) -> bool:
    """Whether something is true of all cells of a column, and there are any."""
    cell = f"unnest({column})" if _FLOATS.get(kind) else column
    held = f"select {cell} as cell from {parquet}"
    query = f"select bool_and({asked}) from ({held}) where cell is not null"
    row = connection.execute(query).fetchone()
    return row is not None and bool(row[0])
