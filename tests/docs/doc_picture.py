"""The picture of the README: what is kept of the output of ``explain``."""

from __future__ import annotations

import re

from doc_pages import ROOT

README = ROOT / "README.md"
MOST_LINES = 20

_BLOCK = re.compile(r"(?<=^```text\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_LAST_COLUMN = "what happens"
_STEP = ("step time", "throughput", "lower bound", "gap")
"""The lines of the first section that are kept."""
_PHASES = 6
"""How many are kept, the longest."""
_TABLES = 2


def picture(output: str) -> str:
    """The overview cut to its longest phases and costliest tables."""
    title, step, phases, *others = output.rstrip("\n").split("\n\n")
    tables = next(part for part in others if part.startswith("Where each table went"))
    kept = [[title, *_few_facts(step)], _long_phases(phases), _few_tables(tables)]
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
    """What stands beside each label of the picture's first lines."""
    lines = text.split("\n\n")[0].split("\n")[1:]
    return {line[2:15].strip(): line[15:].split("  ")[0].strip() for line in lines}


def phases(text: str) -> list[str]:
    """The names of the phases in the picture."""
    lines = text.split("\n\n")[1].split("\n")[2:]
    return [line.split()[0] for line in lines]


def _few_facts(section: str) -> list[str]:
    return [line for line in section.split("\n") if line.strip().startswith(_STEP)]


def _long_phases(section: str) -> list[str]:
    """The grid without its last column, and without phases that are hidden or short."""
    heading, columns, *rows = section.split("\n")
    width = columns.index(_LAST_COLUMN)
    longest = sorted(rows, key=_share, reverse=True)[:_PHASES]
    return [heading, *(row[:width] for row in (columns, *rows) if row is columns or row in longest)]


def _share(row: str) -> float:
    """Percent of the step."""
    found = re.search(r"([\d.]+)%", row)
    return float(found[1]) if found else 0.0


def _few_tables(section: str) -> list[str]:
    heading, columns, *rows = section.split("\n")
    return [heading, columns, *rows[:_TABLES], "  ..."]
