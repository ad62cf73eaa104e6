"""Whether all files have the same columns, of the same types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.profile.storage import opened, refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.profile.sources.found import DataFile


def check_schemas(staged: Sequence[tuple[DataFile, str]]) -> None:
    """Raise InputError with every column that one file has and another lacks, or has otherwise."""
    faults: list[Diagnostic] = []
    first_file, first_path = staged[0]
    first = _schema(first_file, first_path)
    for file, path in staged[1:]:
        here = _schema(file, path)
        for name, kind in first.items():
            if name not in here:
                message = f"the column {name!r} is missing, which {first_file.path} has"
            elif here[name] != kind:
                message = f"{name!r} holds {here[name]}, and in {first_file.path} {kind}"
            else:
                continue
            faults.append(Diagnostic(file.path, 0, 0, "", message, code="data"))
        for name in here.keys() - first.keys():
            message = f"the column {name!r} is missing, which {file.path} has"
            faults.append(Diagnostic(first_file.path, 0, 0, "", message, code="data"))
    if faults:
        raise InputError(faults)


def _schema(file: DataFile, path: str) -> dict[str, str]:
    try:
        with opened(path) as stream:
            schema = parquet.read_schema(stream)
    except pa.ArrowException as error:
        message = "is empty" if "0 bytes" in str(error) else f"is no Parquet file: {error}"
        raise refused(file.path, message) from None
    text = (schema.metadata or {}).get(b"shardplan.text", b"").decode().split("\x1f")
    return {field.name: "text" if field.name in text else str(field.type) for field in schema}
