"""Front -> an HTML page, and an SVG file of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.cli.fronts.front_picture import FRONT_MEANING, front_picture, machine_key
from shardplan.cli.fronts.front_report import front_report
from shardplan.cli.fronts.picture_size import ALONE, NARROW, WIDE
from shardplan.cli.fronts.scaling_picture import (
    phase_key,
    scaling_picture,
    shown_curves,
)
from shardplan.cli.fronts.scaling_report import SCALING_TITLES
from shardplan.explain.render.html.page import Figure, render_html_figures
from shardplan.explain.render.html.svg import alone, label, picture
from shardplan.size.answer.scaling import scaling_curves

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shardplan.explain.report.report import Section
    from shardplan.size.answer.front import Front

_EMPTY_HEIGHT = 40.0
_LINEAR = "dashed: as much throughput for each node as the first has"


def front_page(front: Front) -> str:
    """Everything that is known, with pictures, for screens wide and narrow, and for print.

    No script, and nothing from elsewhere.
    """
    report = front_report(front, explain=True)
    parts = [*_front_figure(front), *_with_pictures(front, report.sections)]
    return render_html_figures(report.title, parts, report.closing)


def front_svg(front: Front) -> str:
    """The picture of the front as a file of its own."""
    nothing = label(0, _EMPTY_HEIGHT / 2, "no candidate is on the front")
    drawn = front_picture(front, ALONE) or picture(_EMPTY_HEIGHT, [nothing], "nothing")
    return alone(drawn)


def _front_figure(front: Front) -> Iterator[Figure]:
    if wide := front_picture(front, WIDE):
        drawn = machine_key(front) + wide + front_picture(front, NARROW)
        yield Figure("Time against cost", FRONT_MEANING, drawn)


def _with_pictures(front: Front, sections: Iterable[Section]) -> Iterator[Figure | Section]:
    """Those of scaling below their curves."""
    curves = scaling_curves(front)
    kinds = {title: kind for kind, title in SCALING_TITLES.items()}
    for section in sections:
        if section.title not in kinds:
            yield section
            continue
        shown = shown_curves(curves, kinds[section.title])
        drawn = phase_key(shown) + scaling_picture(shown, WIDE) + scaling_picture(shown, NARROW)
        yield Figure(section.title, f"{section.meaning}; {_LINEAR}", drawn)
        yield replace(section, title="", meaning="")
