"""The picture of the README: what is kept of the output of ``explain``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from doc_pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

README = ROOT / "README.md"

_BLOCK = re.compile(r"(?<=^```text\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_LAST_COLUMN = "what happens"
_STEP = ("step time", "lower bound", "gap", "status")
"""The lines of the first section that are kept."""
_DEVICES, _TABLES = 3, 5
"""How many of each are kept."""


def picture(output: str) -> str:
    """The overview without some facts, its widest column, most devices, tables and sentences."""
    title, step, phases, _, devices, _, tables, *_ = output.rstrip("\n").split("\n\n")
    kept = [[title], _few_facts(step), _narrow(phases), _few_devices(devices), _few_tables(tables)]
    return "\n\n".join("\n".join(line.rstrip() for line in part) for part in kept) + "\n"


def shown() -> str:
    """The picture that the README has."""
    found = _BLOCK.search(README.read_text(encoding="utf-8"))
    assert found, "the README has a block of text"
    return found[0]


def replace_shown(new: str) -> None:
    """Put another picture into the README."""
    text = README.read_text(encoding="utf-8")
    README.write_text(_BLOCK.sub(lambda _: new, text, count=1), encoding="utf-8")


def figures(text: str) -> dict[str, str]:
    """What stands beside each label of the picture's first section."""
    return {line[2:15].strip(): line[15:].split("  ")[0].strip() for line in _section(text, "Step")}


def phases(text: str) -> list[str]:
    """The names of the phases in the picture."""
    return [line.split()[0] for line in _section(text, "Phases")[1:]]


def _section(text: str, title: str) -> list[str]:
    part = next(part for part in text.split("\n\n") if part.startswith(title))
    return part.rstrip("\n").split("\n")[1:]


def _few_facts(section: str) -> list[str]:
    heading, *lines = section.split("\n")
    return [heading, *(line for line in lines if line.strip().startswith(_STEP))]


def _narrow(section: str) -> Iterator[str]:
    """The grid without its last column."""
    heading, *grid = section.split("\n")
    width = grid[0].index(_LAST_COLUMN)
    yield heading
    yield from (line[:width] for line in grid)


def _few_devices(section: str) -> list[str]:
    heading, columns, *rows, total = section.split("\n")
    return [heading, columns, *rows[:_DEVICES], "   ...", total]


def _few_tables(section: str) -> list[str]:
    heading, columns, *rows = section.split("\n")
    return [heading, columns, *rows[:_TABLES], "  ..."]
