"""The HTML report: one whole file that needs nothing else, with every number that it draws."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import numpy as np
import pytest

from shardplan.build_case import case_of_value
from shardplan.explain.numbers.explain import explain
from shardplan.explain.numbers.study import Study
from shardplan.explain.render.html.chart import round_step
from shardplan.explain.render.html.load import load_picture
from shardplan.explain.render.html.machine import machine_picture
from shardplan.explain.render.html.matrix import (
    SHADE_FACTOR,
    SHADES,
    matrix_meaning,
    matrix_picture,
)
from shardplan.explain.render.html.page import render_html, render_html_overview
from shardplan.explain.report.report import Bar, Column, Grid, Report, Section
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.topology.build_topology import build_topology
from shardplan.topology.collective import Collective, Scope
from shardplan.topology.schema import TopologyFile

VOID = {"meta", "br"}


class Elements(HTMLParser):
    """Checks that every element is closed, and keeps what could reach outside of the file."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.outside = [], set(), []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.outside += [value for key, value in attrs if key in ("src", "href", "srcset")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(study):
    return render_html_overview(study, explain(study), 3)


def test_is_one_file_without_script_or_network(page):
    elements = Elements(page)
    assert elements.outside == []
    assert not elements.tags & {"script", "link", "img", "iframe", "object"}
    assert not re.search(r"https?:|url\(|@import", page)
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_has_every_table_and_every_section(page, study):
    for planned in study.planned:
        name = planned.table.name.replace("&", "&amp;").replace("<", "&lt;")
        assert name in page
    for title in ("Load per device by phase", "HBM of each device", "DDR of each node",
                  "Tables by devices", "Machine"):  # fmt: skip
        assert f"<h2>{title}</h2>" in page


def boxes(drawn, style):
    """The (left, top, width, height) of the rectangles of a style."""
    path = re.search(rf'<path class="{style}" d="([^"]*)"', drawn)
    number = r"(-?[\d.]+)"
    found = re.findall(rf"M{number} {number}h{number}v{number}", path[1] if path else "")
    return np.array(found, dtype=float).reshape(-1, 4)


def test_bars_are_as_high_as_the_seconds(study):
    found = explain(study)
    drawn = load_picture(found)
    heights = sum(boxes(drawn, f"f{n}")[:, 3].sum() for n in range(len(found.phases)))
    busy = sum(device.busy_seconds for device in found.devices)
    update = [phase.name for phase in found.phases].index("update_backward")
    share = sum(device.phase_seconds[update] for device in found.devices) / busy
    assert boxes(drawn, f"f{update}")[:, 3].sum() / heights == pytest.approx(share, abs=0.01)


def test_the_matrix_has_a_cell_for_each_device_of_each_table(study):
    ranks, tables = 4, len(study.planned)
    painted = np.zeros((tables, ranks), dtype=int)
    drawn = matrix_picture(study, range(tables))
    width = (1000 - 170) / ranks
    for shade in range(1, SHADES + 1):
        for left, top, wide, _ in boxes(drawn, f"m{shade}"):
            first = round((left - 170) / width)
            painted[round((top - 18) / 14), first : first + round(wide / width)] = shade
    spent = [study.ledger.seconds_on(rank)[:, study.is_counted] for rank in range(ranks)]
    seconds = np.stack([each.sum(axis=1) for each in spent], axis=1)
    assert ((painted > 0) == (seconds > 0)).all()
    darkest = np.unravel_index(seconds.argmax(), seconds.shape)
    assert painted[darkest] == SHADES
    lighter = painted[(seconds > 0) & (seconds < seconds.max() / SHADE_FACTOR * 0.999)]
    assert (lighter < SHADES).all()


@pytest.mark.parametrize(("tables", "step"), [(8, 1), (166, 1), (167, 2), (400, 4), (600, 6)])
def test_names_in_the_matrix_stand_apart_however_many_tables_there_are(study, tables, step):
    drawn = matrix_picture(study, [0] * tables)
    name = study.planned[0].table.name
    heights = [float(y) for y in re.findall(rf'y="([\d.]+)"[^>]*>{name}<', drawn)]
    assert len(heights) == -(-tables // step)
    assert np.diff(heights).min() >= 9
    assert ("one name to" in matrix_meaning(tables)) == (step > 1)
    assert f"one name to {step} tables" in matrix_meaning(tables) or step == 1


@pytest.mark.parametrize("scale_up", [
    {"kind": "switch", "bandwidth": "100GB/s"}, {"kind": "mesh", "bandwidth": "50GB/s"}, None,
])  # fmt: skip
def test_the_machine_shows_what_collectives_wait_for(scale_up):
    file = TopologyFile.model_validate(
        {
            "name": "m", "cost_model": "h100", "nodes": 4, "devices_per_node": 4,
            "device": {"hbm": {"capacity": "1GB", "read": "1TB/s"}, "host_link": "32GB/s"},
            "scale_up": scale_up,
            "nics": {"count": 2, "rate": "10GB/s"},
            "fabric": [{"name": "rack", "nodes": 2, "oversubscription": 4}],
        }
    )  # fmt: skip
    topology = build_topology(file)
    drawn = machine_picture(topology)
    assert drawn.count('class="link hot"') > 0
    assert ">core<" in drawn
    assert topology.bottleneck(Collective.ALL_TO_ALL, Scope.ALL)


def test_bars_in_cells_are_as_wide_as_their_share():
    grid = Grid((Column("a"), Column("b", True)), ((Bar(0.25), "<1>"), (Bar(2, True), "x")))
    text = render_html(Report("a & b", (Section("s", "m", grid, ("r",)),)))
    Elements(text)
    assert 'style="width:25.0%"' in text
    assert '<span class="bar full"><i style="width:100.0%">' in text
    assert "&lt;1&gt;" in text
    assert "<title>a &amp; b</title>" in text


@pytest.mark.parametrize(("least", "step"), [(0, 0), (0.03, 0.05), (1, 1), (1.2, 2), (6, 10)])
def test_ticks_are_round(least, step):
    assert round_step(least) == pytest.approx(step)


@pytest.mark.slow
def test_two_thousand_tables_on_512_devices_stay_small_and_quick():
    tables = [
        {
            "name": f"t_{i}",
            "rows": int(10 ** (3 + 4 * (i * 37 % 2000) / 2000)),
            "pooling": 1 + i % 9,
        }
        for i in range(2000)
    ]
    case = case_of_value(
        {
            "batch": {"local": 1024},
            "topology": {"name": "dgx-h100", "nodes": 64},
            "defaults": {"dim": 64, "dtype": "fp16"},
            "tables": tables,
        },
        "spec",
    )
    plan = make_plan(case, Settings(method="greedy-dim"), Reporter())
    began = time.process_time()
    study = Study.of(plan, "plan.json")
    text = render_html_overview(study, explain(study), 10)
    assert time.process_time() - began < 3.0
    assert len(text.encode()) < 5e6
    Elements(text)
