"""A spec that was read, with where each part of it was written and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.spec import Spec
    from shardplan.spec.text.document import Document
    from shardplan.spec.text.place import Path


@dataclass(frozen=True, slots=True)
class LoadedSpec:
    """``spec`` has the tables of ``tables_file`` behind its own, and no ``tables_file``."""

    spec: Spec
    document: Document
    base: FilePath
    """The folder that relative paths start at."""
    tables_document: Document | None = None
    """What ``tables_file`` held."""
    own_tables: int = 0
    """How many tables the spec itself holds; the others are of ``tables_document``."""
    matches: tuple[tuple[int, ...], ...] = ()
    """Per constraint, the positions of its tables, rising."""
    faults: tuple[Diagnostic, ...] = ()
    """All that is wrong with it, sorted; where there is anything, no plan can be made."""
    unread: frozenset[str] = frozenset()
    """Keys of the spec that are faulty as a whole, so that ``spec`` has stand-ins for them."""

    def at_table(
        self, index: int, key: str, message: str, hint: str = "", code: str = "invalid"
    ) -> Diagnostic:
        """A fault of one table, in the file where that table is written."""
        if index < self.own_tables or self.tables_document is None:
            path: Path = ("tables", index, key)
            return self.document.diagnostic(path, message, hint, code)
        path = (index - self.own_tables, key)
        return self.tables_document.diagnostic(path, message, hint, code)
