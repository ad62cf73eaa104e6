"""One fault in a file that somebody wrote: where, what, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from shardplan.printable import printable, printable_line


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A fault at a place of a file; lines and columns count from 1, 0 where there is none."""

    file: str
    line: int
    column: int
    path: str
    """Where in the document: ``tables[3].rows``; empty for the file as a whole."""
    message: str
    hint: str = ""
    source_line: str = ""
    code: str = "invalid"
    severity: str = "error"
    """"error" or "warning"; or "note", which is but logged."""
    count: int = 1
    """How many faults it stands for: the rest of a long list is counted, not named."""

    def __str__(self) -> str:
        """``file:line:column: error: path: message``, the source line, a caret and the hint.

        Printable, whatever stands in the file or its name; the place is on one line.
        """
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        where = f"{self.path}: " if self.path else ""
        lines = [printable_line(f"{place}: {self.severity}: {where}") + self.message]
        if self.source_line.strip():
            lines += [f"  {self.source_line}", "  " + " " * (self.column - 1) + "^"]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return printable("\n".join(lines))
