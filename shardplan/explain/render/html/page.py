"""Report -> HTML; Study -> HTML with pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.explain.numbers.timeline import timeline
from shardplan.explain.render.html.convergence import convergence_picture
from shardplan.explain.render.html.load import load_picture, memory_pictures
from shardplan.explain.render.html.machine import bottlenecks_section, machine_picture
from shardplan.explain.render.html.matrix import matrix_meaning, matrix_picture
from shardplan.explain.render.html.step import STEP_MEANING, step_picture
from shardplan.explain.render.html.style import style_text
from shardplan.explain.render.html.svg import text_of
from shardplan.explain.report.overview import overview
from shardplan.explain.report.report import Bar, Section, with_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shardplan.explain.numbers.explanation import Explanation
    from shardplan.explain.numbers.study import Study
    from shardplan.explain.report.report import Cell, Column, Grid, Report
    from shardplan.plan.file.forecast import Forecast

_KEPT_SPACE = "&nbsp;"
_ALLOWED = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""To a browser: what the page itself says of style, and nothing else, neither scripts nor loads."""
_LOAD = (
    "seconds of each device in the phases that the step waits for; a phase ends with its slowest"
)
_MEMORY = (
    "what each holds, buffers and the dense model included; the dashed line is what it may hold"
)
_MACHINE = (
    "the first of equal nodes, and what joins it to the others; in red what collectives wait for"
)
_SEARCH = (
    "the best plan so far, and what no plan can beat, in the last tenth of the range through which "
    "the objective fell; what was worse is at the upper edge; stairs that meet prove a plan optimal"
)


def render_html(report: Report) -> str:
    """The report as a whole page."""
    parts = [_section(section) for section in report.sections]
    if report.closing:
        parts.append(f"<p><strong>{text_of(report.closing)}</strong></p>")
    return _page(report.title, parts)


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with its title and what it means."""

    title: str
    meaning: str
    drawn: str
    """SVG, and what stands with it."""


def render_html_figures(title: str, parts: Iterable[Section | Figure], closing: str = "") -> str:
    """A page of sections and pictures in their order."""
    shown = [f"<p><strong>{text_of(closing)}</strong></p>"] if closing else []
    for part in parts:
        if isinstance(part, Section):
            shown.append(_section(part))
        else:
            shown.append(_figure(part.title, part.meaning, part.drawn))
    return _page(title, shown)


def render_html_picture(title: str, drawn: str) -> str:
    """A page of one picture, which is SVG."""
    return _page(title, [drawn])


def render_html_overview(study: Study, found: Explanation, top: int) -> str:
    """The whole plan: the overview, with pictures.

    The step is above the tables; load, memory, tables by devices, machine and search are below.
    """
    report = overview(found, top)
    first = 3 if found.limits else 2
    (step, *phases), others = report.sections[:first], report.sections[first:]
    drawn = step_picture(timeline(study.plan.prediction))
    parts = [
        _section(step),
        *([_figure("The step over time", STEP_MEANING, drawn)] if drawn else []),
        *map(_section, phases),
        *_pictures(study, found),
        *map(_section, others),
    ]
    return _page(report.title, parts)


def render_html_diff(report: Report, old: Forecast, new: Forecast) -> str:
    """What changes from one plan to the next, below both their steps on one scale."""
    steps = timeline(old), timeline(new)
    longest = max((span.end_seconds for spans in steps for span in spans), default=0.0)
    drawn = [step_picture(spans, longest) for spans in steps]
    titles = ("The old step over time", "The new step over time")
    meanings = (STEP_MEANING, "on the same scale")
    pictures = map(_figure, titles, meanings, drawn) if report.sections else ()
    return _page(report.title, [*pictures, *map(_section, report.sections)])


def _pictures(study: Study, found: Explanation) -> Iterator[str]:
    yield _figure("Load per device by phase", _LOAD, load_picture(found))
    for title, drawn in memory_pictures(found):
        yield _figure(title, _MEMORY, drawn)
    position = {planned.table.label: n for n, planned in enumerate(study.planned)}
    order = [position[line.name] for line in found.tables]
    drawn = matrix_picture(study, order)
    yield _figure("Tables by devices", matrix_meaning(len(order)), drawn)
    topology = study.case.topology
    if topology.world_size > 1:
        drawn = machine_picture(topology) + _section(bottlenecks_section(topology))
        yield _figure("Machine", _MACHINE, drawn)
    if drawn := convergence_picture(study.plan.run):
        yield _figure("Search", _SEARCH, drawn)


def _page(title: str, parts: Iterable[str]) -> str:
    shown = text_of(title)
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_ALLOWED}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{shown}</title>\n<style>\n{style_text()}</style>\n</head>\n<body>\n"
        f"<h1>{shown}</h1>\n{body}\n</body>\n</html>\n"
    )


def _figure(title: str, meaning: str, drawn: str) -> str:
    return f"<h2>{text_of(title)}</h2>\n<p>{text_of(meaning)}</p>\n{drawn}"


def _section(section: Section) -> str:
    parts = [f"<h2>{text_of(section.title)}</h2>"] if section.title else []
    if section.meaning:
        parts.append(f"<p>{text_of(section.meaning)}</p>")
    if section.grid:
        parts.append(_grid(section.grid))
    if section.remarks:
        listed = "".join(f"<li>{text_of(remark)}</li>" for remark in section.remarks)
        parts.append(f"<ul>{listed}</ul>")
    return "\n".join(parts)


def _grid(grid: Grid) -> str:
    head = ""
    if any(column.title for column in grid.columns):
        cells = (f"<th{_kind(column)}>{text_of(column.title)}</th>" for column in grid.columns)
        head = f"<thead><tr>{''.join(cells)}</tr></thead>\n"
    rows = ("<tr>" + "".join(map(_cell, row, grid.columns)) + "</tr>" for row in grid.rows)
    joined = "\n".join(rows)
    return f'<div class="scroll"><table>\n{head}<tbody>\n{joined}\n</tbody></table></div>'


def _cell(cell: Cell, column: Column) -> str:
    if isinstance(cell, Bar):
        share = 100 * min(1.0, max(0.0, cell.fraction))
        full = " full" if cell.is_full else ""
        return f'<td><span class="bar{full}"><i style="width:{share:.1f}%"></i></span></td>'
    return f"<td{_kind(column)}>{with_units(text_of(cell), _KEPT_SPACE)}</td>"


def _kind(column: Column) -> str:
    if column.is_number:
        return ' class="number"'
    return ' class="prose"' if column.is_prose or column.is_list else ""
