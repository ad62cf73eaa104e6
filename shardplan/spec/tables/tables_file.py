"""A separate file of tables: one row per table, columns called like the keys of ``tables``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import RootModel

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.tables.table_spec import TableSpec
from shardplan.spec.validation.wording import show

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from shardplan.spec.text.document import Document


class TableRows(RootModel[tuple[TableSpec, ...]]):
    """The tables of a file."""


def read_tables(path: FilePath) -> Document:
    """The tables of a .csv, .parquet or .yaml file as mappings with the keys of ``tables``.

    Raises InputError with the faults of the file as such; the values are not validated yet.
    """
    match path.suffix:
        case ".csv":
            from shardplan.spec.tables.csv_file import read_csv

            return read_csv(path)
        case ".parquet":
            from shardplan.spec.tables.parquet_file import read_parquet

            return read_parquet(path)
        case ".yaml" | ".yml" | ".json":
            from shardplan.spec.tables.yaml_file import read_yaml

            return read_yaml(path)
    message = f"must end in .csv, .parquet or .yaml (got {show(path.suffix)})"
    raise InputError([Diagnostic(str(path), 0, 0, "", message, code="file")])
