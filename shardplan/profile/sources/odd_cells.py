"""Columns that a few cells keep from being ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

WHOLE = r"[+-]?\d+"
"""How a whole number is written."""
_MOSTLY = 0.5
"""Share of whole numbers from which on a column was meant to be of ids, and is told."""
_SHOWN = 40


def odd_cells(connection: DuckDBPyConnection, parquet: str, column: str, kind: str) -> str:
    """What keeps a column of such a type from being one of ids, though most of it is whole numbers.

    ``parquet`` and ``column`` are as SQL has them. Empty where nothing is to be told.
    """
    is_list = kind.endswith("[]")
    cell = f"unnest({column}::VARCHAR[])" if is_list else f"{column}::VARCHAR"
    number = "try_cast(cell as DOUBLE)"
    # Of what was read as numbers, how it was written is no longer known.
    written = f"regexp_full_match(cell, '{WHOLE}')"
    fits = f"{number} = floor({number}) and abs({number}) < {2**63}"
    odd = f"filter (not ({fits if kind.startswith('DOUBLE') else written}))"
    row = connection.execute(
        f"select count(cell), count(*) filter ({number} = floor({number})), count(*) {odd}, "
        f"min(sample) {odd}, arg_min(cell, sample) {odd} from (select {cell} as cell, "
        f"file_row_number + 1 as sample from read_parquet({parquet}, file_row_number=true))"
    ).fetchone()
    if row is None or not row[0] or row[1] < _MOSTLY * row[0]:
        return ""
    held, whole, others, sample, first = row
    if not others:
        return f"written with points, and no column of ids, though all {held:,} values are whole"
    said = f"no column of whole numbers, though {whole:,} of its {held:,} values are"
    if whole == held:
        said = f"no column of ids, though all {held:,} values are whole"
    return f"{said}: {first[:_SHOWN]!r} in sample {sample:,} is not written as one of 64 bits"
