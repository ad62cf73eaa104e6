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

_HINT = "all files must have the same columns: write this one anew, or profile it by itself"


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
            faults.append(Diagnostic(file.path, 0, 0, "", message, _HINT, code="data"))
        for name in sorted(here.keys() - first.keys()):
            message = f"the column {name!r} is missing, which {file.path} has"
            faults.append(Diagnostic(first_file.path, 0, 0, "", message, _HINT, code="data"))
    if faults:
        raise InputError(faults)


def _check_names(file: DataFile, names: Sequence[str]) -> None:
    """Raise InputError for columns whose names engines do not tell apart."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.get(name.lower())
        if other is not None:
            said = f"the column {name!r} stands here twice"
            if other != name:
                said = f"the columns {other!r} and {name!r} differ by case alone"
            raise refused(file.path, said, "name one otherwise")
        seen[name.lower()] = name


def _schema(file: DataFile, path: str) -> dict[str, str]:
    try:
        with opened(path) as stream:
            schema = parquet.read_schema(stream)
    except pa.ArrowException as error:
        message = "is empty" if "0 bytes" in str(error) else f"is no Parquet file: {error}"
        raise refused(file.path, message) from None
    _check_names(file, schema.names)
    text = (schema.metadata or {}).get(b"shardplan.text", b"").decode().split("\x1f")
    return {field.name: "text" if field.name in text else str(field.type) for field in schema}
