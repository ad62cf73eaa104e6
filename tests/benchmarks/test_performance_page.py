"""docs/performance.md against the measurements beside it."""

from __future__ import annotations

import re
from xml.etree import ElementTree


def test_the_tables_are_those_of_the_measurements() -> None:
    from page import PAGE, rendered

    text = PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r"<!-- measured: (\w+) -->", text)) == {
        "scale",
        "groups",
        "quality",
        "drawn_quality",
        "curves",
        "tiers",
        "machines",
        "steps",
        "contenders",
        "tuned",
        "profiled",
    }
    assert rendered(text) == text


def test_the_accuracy_of_predictions_is_that_of_the_measurements() -> None:
    from page import COST_MODEL, rendered

    text = COST_MODEL.read_text(encoding="utf-8")
    assert re.findall(r"<!-- measured: (\w+) -->", text) == ["prediction"]
    assert rendered(text) == text


def test_the_plot_is_that_of_the_measurements() -> None:
    from growth_plot import growth_plot
    from page import FIGURES, points

    text = (FIGURES / "scale.svg").read_text(encoding="utf-8")
    assert text == growth_plot(points())
    assert ElementTree.fromstring(text).attrib["viewBox"]


def test_the_plot_takes_its_colours_for_light_and_dark_pages() -> None:
    """No background, and every colour keeps a contrast of 2.5 to white and to near-black."""
    from page import FIGURES

    text = (FIGURES / "scale.svg").read_text(encoding="utf-8")
    colours = set(re.findall(r"#[0-9a-f]{6}", text))
    assert len(colours) == 3
    for colour in colours:
        assert contrast(colour, "#ffffff") >= 2.5
        assert contrast(colour, "#0d1117") >= 2.5


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.1."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.1."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_no_measured_contender_beats_shardplan() -> None:
    """Never worse than a baseline, under either ruler."""
    from page import FIGURES
    from report import read_rows

    rows = read_rows(FIGURES / "quality.json") + read_rows(FIGURES / "tiers.json")
    ours = {(r.instance, r.ruler): r.objective_seconds for r in rows if r.contender == "shardplan"}
    worse = [
        row
        for row in rows
        if row.objective_seconds is not None
        and row.objective_seconds < ours[row.instance, row.ruler] * (1 - 1e-8)
    ]
    assert worse == []


def test_tables_beyond_hbm_are_planned_three_times_as_fast_as_by_the_best_greedy_rule() -> None:
    """Of the rules that put into DDR what HBM has no room for."""
    from page import FIGURES
    from report import read_rows

    rows = read_rows(FIGURES / "tiers.json")
    ours = rows[0].objective_seconds
    greedy = [row.objective_seconds for row in rows if "greedy" in row.contender]
    assert rows[0].contender == "shardplan"
    assert len(greedy) == 3
    assert min(greedy) >= 3 * ours
