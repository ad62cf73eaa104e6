"""Rows of measurements as a table of the terminal, Markdown or JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from comparison import Row
from contenders import CONTENDERS
from instances import FAMILIES
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import TextIOBase
    from pathlib import Path

HEADER = (
    "problem", "ruler", "contender", "objective ms", "x bound", "CPU s", "peak MiB", "note",
)  # fmt: skip
_TEXT = {
    "problem", "ruler", "contender", "note", "series", "ended by", "what", "model", "optimizer",
    "engine", "models", "plan", "best other", "types", "shardplan is", "native is",
    "shardplan beside TorchRec's planner", "known models", "drawn models", "measured by",
    "no worse", "closer", "data", "asked", "found",
}  # fmt: skip


def cells(row: Row) -> tuple[str, ...]:
    """One row as text, in the order of ``HEADER``."""
    return (
        row.instance,
        row.ruler,
        row.contender,
        number(row.objective_seconds and row.objective_seconds * 1e3, 5),
        ratio(row),
        number(row.cpu_seconds, 3),
        number(row.peak_bytes and row.peak_bytes / 2**20, 0),
        row.note,
    )


def ratio(row: Row) -> str:
    """Times the bound; 1.0000 is proven optimal, and a star stands for a planner cut short."""
    return "-" if row.ratio is None else f"{row.ratio:.4f}" + "*" * row.is_cut


def number(value: float | None, digits: int) -> str:
    """With that many significant digits, none of them an exponent; 0 for whole numbers."""
    if value is None:
        return "-"
    if not digits:
        return f"{value:,.0f}"
    whole = len(str(int(abs(value))))
    return f"{value:,.{max(0, digits - whole)}f}"


def as_json(rows: Sequence[Row]) -> str:
    """All that is known, in SI units."""
    return json.dumps([asdict(row) for row in rows], indent=1) + "\n"


def merge_into(path: Path, rows: Sequence[Row]) -> None:
    """Write rows to a JSON file; rows of other problems that it has stay."""
    new = {(row.instance, row.ruler) for row in rows}
    old = read_rows(path) if path.exists() else []
    kept = [row for row in old if (row.instance, row.ruler) not in new]
    path.write_text(as_json([*kept, *rows]), encoding="utf-8")


def read_rows(path: Path) -> list[Row]:
    """The rows of a file that ``merge_into`` wrote."""
    return [Row(**values) for values in json.loads(path.read_text(encoding="utf-8"))]


def as_markdown(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table; columns of numbers to the right."""
    rule = ["---" if name in _TEXT else "---:" for name in header]
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, rule, *lines)) + "\n"


def as_table(rows: Sequence[Row], out: TextIOBase) -> None:
    """For the terminal."""
    table = Table(*HEADER, box=None, pad_edge=False)
    for column in table.columns:
        column.justify = "left" if column.header in _TEXT else "right"
    before = None
    for row in rows:
        problem = row.instance, row.ruler
        if before not in (None, problem):
            table.add_section()
        before = problem
        table.add_row(*cells(row))
    Console(file=out, width=None if out.isatty() else 160).print(table)


def as_summary(rows: Sequence[Row]) -> str:
    """Markdown with one line for each problem: every contender's ratio to the bound."""
    problems: dict[tuple[str, str], dict[str, Row]] = {}
    for row in sorted(rows, key=lambda row: FAMILIES.index(row.family)):
        problems.setdefault((row.instance, row.ruler), {})[row.contender] = row
    names = [name for name in CONTENDERS if any(name in of for of in problems.values())]
    timed = [name for name in names if name == "shardplan" or name.startswith("torchrec")]
    header = ("problem", "ruler", "bound ms", *names, *(f"{name} CPU s" for name in timed))
    lines = []
    for (problem, ruler), of in problems.items():
        bound = of["shardplan"].lower_bound_seconds
        ratios = [ratio(of[name]) if name in of else "" for name in names]
        seconds = [number(of[name].cpu_seconds, 3) if name in of else "" for name in timed]
        lines.append((problem, ruler, number(bound and bound * 1e3, 4), *ratios, *seconds))
    return as_markdown(header, lines)
