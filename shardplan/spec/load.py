"""From a file to a spec, together with all that is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from shardplan.bulk import in_bulk
from shardplan.errors import InputError
from shardplan.spec.checks import check
from shardplan.spec.loaded import LoadedSpec
from shardplan.spec.overridden import overridden
from shardplan.spec.salvage import salvage
from shardplan.spec.spec import Spec
from shardplan.spec.tables.known_hot_ids import with_hot_ids_counted
from shardplan.spec.tables.tables_file import TableRows, read_tables
from shardplan.spec.text.document import Document, read_file
from shardplan.spec.validation.validation import validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.diagnostics import Diagnostic


@in_bulk()
def load_spec(path: str, settings: Sequence[str] = ()) -> LoadedSpec:
    """Read a spec from a file, ``-`` for standard input.

    ``settings`` are ``path=value`` texts that take the place of what it says: see ``overridden``.

    Raises InputError only for a text that cannot be read, with all its faults. Those of the keys
    and values, of the tables' file and of how all fit together wait in ``faults``, so that
    ``build_case`` can tell them along with those of the topology and the cost model.
    """
    base = FilePath() if path == "-" else FilePath(path).parent
    document = read_file(path)
    if isinstance(document.value, dict) and {"format_version", "plan"} <= document.value.keys():
        hint = (
            "shardplan explain shows it; the spec that it was made from is under its key resolved"
        )
        raise InputError([document.diagnostic((), "is a plan, not a spec", hint, "plan")])
    return load_document(overridden(document, settings), base)


def spec_from_value(value: Any, name: str, base: FilePath | None = None) -> LoadedSpec:
    """A spec from plain values, such as a plan carries; ``name`` is what messages call it.

    Its faults have no lines.
    """
    return load_document(Document(value, name), base or FilePath())


@in_bulk()
def load_document(document: Document, base: FilePath) -> LoadedSpec:
    """A spec from a document; ``base`` is the folder that relative paths start at."""
    faults: list[Diagnostic] = []
    tables_document, rows = None, TableRows(())
    unread: frozenset[str] = frozenset()
    try:
        spec = validate(Spec, document)
    except InputError as error:
        faults += error.diagnostics
        spec, unread = salvage(document.value)
    try:
        tables_document = _read_tables_file(document, base)
        if tables_document is not None:
            rows = validate(TableRows, tables_document)
    except InputError as error:
        faults += error.diagnostics
        spec = spec.model_copy(update={"constraints": ()})  # nobody knows what they match
    loaded = _fold(spec, rows, document, base, tables_document)
    loaded = with_hot_ids_counted(replace(loaded, faults=tuple(faults), unread=unread))
    return check(loaded)


def _read_tables_file(document: Document, base: FilePath) -> Document | None:
    name = document.value.get("tables_file") if isinstance(document.value, dict) else None
    if not isinstance(name, str) or not name:
        return None
    try:
        return read_tables(base / name)
    except InputError as error:
        raise InputError([_placed(each, name, document) for each in error.diagnostics]) from None


def _placed(fault: Diagnostic, name: str, document: Document) -> Diagnostic:
    """What is wrong with a tables' file as a whole is told at the line that names it."""
    if fault.line or fault.path:
        return fault
    return document.diagnostic(("tables_file",), f"{name}: {fault.message}", fault.hint)


def _fold(
    spec: Spec, rows: TableRows, document: Document, base: FilePath, tables: Document | None
) -> LoadedSpec:
    """All tables in one spec, and each without what the defaults say already."""
    every = tuple(table.without(spec.defaults) for table in spec.tables + rows.root)
    folded = spec.model_copy(update={"tables": every, "tables_file": None})
    return LoadedSpec(folded, document, base, tables, own_tables=len(spec.tables))
