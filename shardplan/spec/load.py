"""From a file to a spec that holds together, or to all that is wrong with it."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from shardplan.errors import InputError
from shardplan.spec.checks import check
from shardplan.spec.document import Document, read_file
from shardplan.spec.loaded import LoadedSpec
from shardplan.spec.spec import Spec
from shardplan.spec.tables_file import TableRows, read_tables
from shardplan.spec.validation import sort_diagnostics, validate

if TYPE_CHECKING:
    from shardplan.diagnostics import Diagnostic


def load_spec(path: str) -> LoadedSpec:
    """Read a spec from a file, ``-`` for standard input.

    Raises InputError with every fault that can be told: of the text and, when that can be read,
    of the keys and values and of the tables' file; when those are right, of how they fit together.
    """
    base = FilePath() if path == "-" else FilePath(path).parent
    return load_document(read_file(path), base)


def spec_from_value(value: Any, name: str, base: FilePath | None = None) -> LoadedSpec:
    """A spec from plain values, such as a plan carries; ``name`` is what messages call it.

    Raises InputError as ``load_spec`` does, without lines.
    """
    return load_document(Document(value, name), base or FilePath())


def load_document(document: Document, base: FilePath) -> LoadedSpec:
    """A spec from a document; ``base`` is the folder that relative paths start at."""
    faults: list[Diagnostic] = []
    spec, tables_document, rows = None, None, TableRows(())
    try:
        spec = validate(Spec, document)
    except InputError as error:
        faults += error.diagnostics
    try:
        tables_document = _read_tables_file(document, base)
        if tables_document is not None:
            rows = validate(TableRows, tables_document)
    except InputError as error:
        faults += error.diagnostics
    if spec is None or faults:
        raise InputError(sort_diagnostics(faults))
    return check(_fold(spec, rows, document, base, tables_document))


def _read_tables_file(document: Document, base: FilePath) -> Document | None:
    name = document.value.get("tables_file") if isinstance(document.value, dict) else None
    if not isinstance(name, str) or not name:
        return None
    try:
        return read_tables(base / name)
    except InputError as error:
        if any(fault.line for fault in error.diagnostics):
            raise
        fault = error.diagnostics[0]
        at = document.diagnostic(("tables_file",), f"{name}: {fault.message}", fault.hint)
        raise InputError([at]) from None


def _fold(
    spec: Spec, rows: TableRows, document: Document, base: FilePath, tables: Document | None
) -> LoadedSpec:
    """All tables in one spec, and each without what the defaults say already."""
    every = tuple(table.without(spec.defaults) for table in spec.tables + rows.root)
    folded = spec.model_copy(update={"tables": every, "tables_file": None})
    return LoadedSpec(folded, document, base, tables, own_tables=len(spec.tables))
