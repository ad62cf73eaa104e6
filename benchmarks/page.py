"""Puts the measured tables into docs/performance.md.

    python benchmarks/page.py

reads docs/performance/*.json, which scale.py and quality.py write.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from growth_plot import growth_plot
from report import as_markdown, as_summary, read_rows
from scale import HEADER, Point, as_lines

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
FIGURES = PAGE.with_suffix("")
_TABLE = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rendered(text: str) -> str:
    """The page with its tables as the measurements have them."""
    tables = {"scale": _scale(), "quality": as_summary(read_rows(FIGURES / "quality.json"))}
    return _TABLE.sub(lambda found: f"{found[1]}{tables[found[2]]}{found[3]}", text)


def points() -> list[Point]:
    """What scale.py measured."""
    values = json.loads((FIGURES / "scale.json").read_text(encoding="utf-8"))
    return [Point(**value) for value in values]


def _scale() -> str:
    return as_markdown(HEADER, as_lines(points()))


def main() -> None:
    """Rewrite the page and the plot."""
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    (FIGURES / "scale.svg").write_text(growth_plot(points()), encoding="utf-8")


if __name__ == "__main__":
    main()
