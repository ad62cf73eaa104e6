"""Predicts every published step, and writes down what that shows.

    python benchmarks/validation.py

It takes a minute or two and writes docs/validation.md, docs/validation/scatter.svg and the record
that ranges of steps are read off, shardplan/validation/residuals.yaml. The same text comes from
`shardplan validate --format markdown --scatter FILE`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.cli.reports.validation_report import validation_report, validation_scatter
from shardplan.explain.render.markdown import render_markdown
from shardplan.files import write_atomically
from shardplan.validation.published_steps import published_steps
from shardplan.validation.validation import Validation

if TYPE_CHECKING:
    from shardplan.validation.compared_step import ComparedStep

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "validation.md"
SCATTER = ROOT / "docs" / "validation" / "scatter.svg"
RECORD = ROOT / "shardplan" / "validation" / "residuals.yaml"

_HEAD = """\
# Made by: python benchmarks/validation.py
# Published steps that count, and what is predicted for them; ranges of steps are read off it.
"""
_DIGITS = 5


def record_text(found: Validation) -> str:
    """The record, one line for each check."""
    return _HEAD + "".join(map(_line, found.checks))


def _line(step: ComparedStep) -> str:
    published, predicted = step.published, step.predicted
    assert predicted is not None
    return (
        f"- {{id: {published.id}, kind: {published.device_class.value}, "
        f"framework: {published.framework}, measured: {_milliseconds(published.measured.seconds)}, "
        f"predicted: {_milliseconds(predicted.seconds)}}}\n"
    )


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.{_DIGITS}g}ms"


def page_text(found: Validation) -> str:
    """The page of documentation."""
    return render_markdown(validation_report(found))


def main() -> None:
    """Predict, and write all three."""
    found = Validation.of(published_steps(), lambda step: print(step.published.id, step.error))
    SCATTER.parent.mkdir(exist_ok=True)
    write_atomically(str(PAGE), page_text(found))
    write_atomically(str(SCATTER), validation_scatter(found))
    write_atomically(str(RECORD), record_text(found))


if __name__ == "__main__":
    main()
