"""A front as people see it: in characters, as a picture, as a page."""

from __future__ import annotations

import math
import re
from html import unescape
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from front_cases import front

from shardplan.cli.fronts.front_page import front_page, front_svg
from shardplan.cli.fronts.front_plot import front_plot
from shardplan.cli.fronts.front_report import front_report
from shardplan.cli.fronts.picture_size import WIDE
from shardplan.cli.fronts.scaling_picture import scaling_picture, shown_curves
from shardplan.cli.fronts.show_front import FRONT_FORMATS, show_front
from shardplan.size.answer.scaling import Scaling, scaling_curves

FRONT = front()
PAGE = front_page(FRONT)
MARKS = "ABCD"


def table(**more):
    return show_front(FRONT, "table", 160, **more)


def test_the_table_says_of_every_point_step_bound_throughput_cost_and_what_binds_it():
    (line,) = (line for line in table().splitlines() if line.strip().startswith("B "))
    for cell in (
        "dgx-b200",
        "2",
        "65,536",
        "1.69",
        "1.60",
        "38.8 M",
        "0.986",
        "output_comm at nic",
    ):
        assert cell in line
    assert "USD per 1e9 samples" in table()


def test_the_closing_line_counts_every_candidate_once_and_says_how_certain_the_front_is():
    closing = " ".join(table().partition("13 candidates")[2].split())
    counts = [int(n) for n in re.findall(r"(\d+) (?:on the front|proven|behind)", closing)]
    assert counts == [4, 5, 3, 1]
    assert "5 solved in full" in closing
    assert "1.36% (1 node) .. 15.0% (8 nodes)" in closing


def test_solves_that_the_clock_ended_are_told():
    assert "the clock" not in table()
    cut_off = show_front(FRONT.model_copy(update={"cut_off": 2}), "table", 160)
    assert "the clock ended solves of 2 candidates: another run may give another front" in " ".join(
        cut_off.split()
    )


def test_greedy_plans_are_told_from_solves_and_from_none():
    first, second, *rest = FRONT.dominated
    solved = FRONT.points[0].model_copy(update={"design": first.designs.first})
    greedy = solved.model_copy(update={"design": second.designs.first, "is_greedy": True})
    dominated = (
        first.model_copy(update={"point": solved}),
        second.model_copy(update={"point": greedy}),
        *rest,
    )
    told = front_report(FRONT.model_copy(update={"dominated": dominated}), explain=True)
    section = next(each for each in told.sections if each.title == "Dominated")
    assert [row[-1] for row in section.grid.rows] == ["solved", "greedy plan", "none", "none"]


def test_why_fewer_nodes_cannot_is_told_with_what_would_be_needed():
    shown = " ".join(table().split())
    assert "1 node cannot: a step takes at least 4.19 ms, of which dense 2.5 ms" in shown
    assert "(needs 3.28 ms)" in shown
    assert "the cheapest that reaches it: 1 node of dgx-b200" in shown


def test_explain_tells_who_dominates_whom_by_how_much():
    assert "Dominated" not in table()
    line = next(line for line in table(explain=True).splitlines() if "+10.3%" in line)
    assert "2 nodes of dgx-h100" in line
    assert "A: 1 node of dgx-b200" in line
    assert "+57.8%" in line


@pytest.mark.parametrize("width", [40, 80, 120])
def test_nothing_is_wider_than_the_terminal(width):
    assert max(map(len, front_plot(FRONT, width).splitlines())) <= width
    if width >= 80:
        assert max(map(len, show_front(FRONT, "table", width).splitlines())) <= width


def place_of(mark, lines):
    """Column and row."""
    return next((line.index(mark, 8), row) for row, line in enumerate(lines) if mark in line[8:])


def test_in_characters_the_cheaper_is_further_left_and_the_faster_further_down():
    drawn = front_plot(FRONT, 120).splitlines()[1:-4]
    places = [place_of(mark, drawn) for mark in MARKS]
    assert [x for x, _ in places] == sorted({x for x, _ in places})
    assert [y for _, y in places] == sorted({y for _, y in places})


def test_what_is_far_behind_is_counted_and_does_not_squeeze_the_front():
    far = FRONT.dominated[0].model_copy(update={"time_bound_seconds": 1e6, "cost_bound": 1e5})
    more = FRONT.model_copy(update={"dominated": (far, *FRONT.dominated[1:])})
    assert "; 1 far behind" in front_plot(more, 120)
    assert "far behind" not in front_plot(FRONT, 120)
    assert "1e+0" not in front_page(more)
    assert "x29" in show_front(more, "table", 160, explain=True)


def test_without_colour_and_without_points_there_is_still_an_answer():
    nothing = FRONT.model_copy(update={"points": (), "dominated": ()})
    assert "\x1b" not in table()
    assert front_plot(nothing.model_copy(update={"open": ()}), 80) == ""
    assert "no candidate is on it" in show_front(nothing, "table", 100)
    for form in FRONT_FORMATS:
        assert show_front(nothing, form)


def test_the_page_is_one_file_without_script_or_network():
    assert not re.search(r"<script|<link|<img|https?:|url\(|@import| on\w+=", PAGE)
    assert "default-src 'none'" in PAGE
    assert "prefers-color-scheme: dark" in PAGE
    assert "@media print" in PAGE


def test_pointing_at_a_point_tells_what_binds_it_on_screens_wide_and_narrow():
    for style in ("wide", "narrow"):
        (drawn,) = re.findall(rf'<svg class="{style}"[^>]*aria-label="time.*?</svg>', PAGE, re.S)
        notes = re.findall(r'<g class="note">.*?</g>', drawn, re.S)
        assert len(notes) == len(FRONT.points)
        for note, point in zip(notes, FRONT.points, strict=True):
            assert f"binds: {point.anatomy.binds.words}, 60.0% of the step" in unescape(note)


def test_the_page_has_every_scaling_curve():
    assert PAGE.count("<h2>Strong scaling</h2>") == 1
    assert ">dgx-b200, batch 65,536<" in PAGE


def test_the_svg_stands_alone_and_names_are_escaped():
    drawn = front_svg(FRONT)
    assert ElementTree.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"
    assert "dlrm &lt;dcnv2&gt;" in PAGE


def test_in_the_picture_equal_ratios_are_equal_distances():
    """Of cost to the right, and of time upwards."""
    discs = re.findall(r'<circle class="f\d" cx="([\d.]+)" cy="([\d.]+)"', front_svg(FRONT))
    places = [tuple(map(float, each)) for each in discs]
    amounts = [(point.cost, 1 / point.time_seconds) for point in FRONT.points]
    for axis in (0, 1):
        pairs = zip(pairwise(places), pairwise(amounts), strict=True)
        scales = [(b[axis] - a[axis]) / math.log(v[axis] / u[axis]) for (a, b), (u, v) in pairs]
        assert scales == pytest.approx([scales[0]] * len(scales), rel=0.02)
        assert scales[0] > 0


def test_the_dashed_line_of_a_curve_is_linear_and_stays_in_the_picture():
    """On axes of the same logarithms as high as wide it would rise at 45 degrees."""
    curves = shown_curves(scaling_curves(FRONT), Scaling.STRONG)
    drawn = scaling_picture(curves, WIDE)
    numbers = r'points="([\d.]+),([\d.]+) ([\d.]+),([\d.]+)"'
    dashed = [tuple(map(float, each)) for each in re.findall(f'class="linear" {numbers}', drawn)]
    assert len(dashed) == len(curves)
    slopes = [(y1 - y2) / (x2 - x1) for x1, y1, x2, y2 in dashed]
    assert slopes == pytest.approx([slopes[0]] * len(slopes), rel=0.02)
    assert all(0 < y < WIDE.height for _, y1, _, y2 in dashed for y in (y1, y2))
