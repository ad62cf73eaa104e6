"""Puts the measured tables into README.md and the pages of docs/.

    python benchmarks/page.py

reads docs/performance/*.json, which scale.py, quality.py, tiers.py, prediction.py, executor.py,
tuned.py and profiled.py write.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import anytime
import grouped_devices
import prediction
import profile_figures
import tiers
from drawn_families import DRAWN
from executed_rows import read_executed
from executed_tables import (
    accuracy_lines,
    engine_lines,
    engine_summary,
    machines,
    plan_lines,
    summary_lines,
)
from growth_plot import growth_plot
from known_families import KNOWN
from prediction import Row
from report import as_markdown, as_summary, read_rows
from scale import HEADER, Point, as_lines
from second_screen import second_screen_lines
from tuned_rows import read_tuned
from tuned_tables import tuned_lines, tuned_summary

from shardplan.calibrate.accuracy import Accuracy

if TYPE_CHECKING:
    from collections.abc import Collection

    from executed_rows import StepRow

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
COST_MODEL = PAGE.with_name("cost-model.md")
TORCHREC = PAGE.with_name("torchrec.md")
EXECUTOR = PAGE.with_name("executor.md")
README = PAGE.parents[1] / "README.md"
FIGURES = PAGE.with_suffix("")
_TABLE = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rendered(text: str) -> str:
    """The page with its tables as the measurements have them."""
    return _TABLE.sub(lambda found: f"{found[1]}{_TABLES[found[2]]()}{found[3]}", text)


def points() -> list[Point]:
    """What scale.py measured."""
    values = json.loads((FIGURES / "scale.json").read_text(encoding="utf-8"))
    return [Point(**value) for value in values]


def _scale() -> str:
    return as_markdown(HEADER, as_lines(points()))


def _groups() -> str:
    values = json.loads((FIGURES / "groups.json").read_text(encoding="utf-8"))
    found = [grouped_devices.GroupPoint(**value) for value in values]
    return as_markdown(grouped_devices.HEADER, grouped_devices.as_lines(found))


def _quality(families: Collection[str]) -> str:
    rows = [row for row in read_rows(FIGURES / "quality.json") if row.family in families]
    return as_summary(rows)


def _tiers() -> str:
    return tiers.as_page(read_rows(FIGURES / "tiers.json"))


def _prediction() -> str:
    values = json.loads((FIGURES / "prediction.json").read_text(encoding="utf-8"))
    rows = [Row(**value | {"accuracy": Accuracy(**value["accuracy"])}) for value in values]
    return as_markdown(prediction.HEADER, [prediction.cells(row) for row in rows])


@cache
def steps() -> list[StepRow]:
    """What executor.py measured."""
    return read_executed(FIGURES / "executor.json")


def _second_screen() -> str:
    return as_markdown(*second_screen_lines(read_rows(FIGURES / "quality.json"), steps()))


def tuned(path: Path = FIGURES / "tuned.json") -> str:
    """What tuned.py measured, or that it did not yet."""
    models = read_tuned(path)
    if not models:
        return "Not measured yet: there is no `performance/tuned.json`.\n"
    rows = [row for model in models for row in model.rows]
    seconds = sum(each.tuning_seconds + each.training_seconds for each in models)
    closing = f"Tuning and training took {seconds / 60:.1f} minutes.\n"
    tables = [as_markdown(*lines(models)) for lines in (tuned_summary, tuned_lines)]
    return "\n".join([machines(rows), *tables, closing])


def _profiled() -> str:
    figures = profile_figures.read_figures(FIGURES / "profiled.json")
    return as_markdown(profile_figures.HEADER, profile_figures.as_lines(figures))


_TABLES = {
    "scale": _scale,
    "groups": _groups,
    "quality": lambda: _quality(KNOWN),
    "drawn_quality": lambda: _quality(DRAWN),
    "curves": lambda: anytime.as_text(anytime.read_curves(FIGURES / "curves.json")),
    "tiers": _tiers,
    "prediction": _prediction,
    "second_screen": _second_screen,
    "tuned": tuned,
    "profiled": _profiled,
    "machines": lambda: machines(steps()),
    "steps": lambda: as_markdown(*accuracy_lines(steps())),
    "contenders": lambda: as_markdown(*summary_lines(steps())),
    "torchrec_plans": lambda: as_markdown(*plan_lines(steps(), "torchrec")),
    "native_plans": lambda: as_markdown(*plan_lines(steps(), "native")),
    "engines": lambda: as_markdown(*engine_lines(steps())),
    "engine_summary": lambda: as_markdown(*engine_summary(steps())),
}


def main() -> None:
    """Rewrite the pages and the plot."""
    for page in (PAGE, COST_MODEL, TORCHREC, EXECUTOR, README):
        page.write_text(rendered(page.read_text(encoding="utf-8")), encoding="utf-8")
    (FIGURES / "scale.svg").write_text(growth_plot(points()), encoding="utf-8")


if __name__ == "__main__":
    main()
