import json
import re
from dataclasses import replace
from html import escape

import pytest
from explain_cases import DATA
from markdown_it import MarkdownIt

from shardplan.explain.numbers.explain import explain
from shardplan.explain.numbers.table_detail import table_detail
from shardplan.explain.render.as_json import render_json
from shardplan.explain.render.markdown import render_markdown
from shardplan.explain.render.terminal import render_terminal
from shardplan.explain.report.detail_report import table_report
from shardplan.explain.report.overview import overview
from shardplan.explain.report.report import Bar, Column, Grid, Report, Section

RENDERINGS = {
    "overview_80.txt": lambda study: render_terminal(overview(explain(study), 3), width=80),
    "table.md": lambda study: render_markdown(table_report(table_detail(study, "odd|name [x]"))),
}
"""What no command line of the golden outputs asks for."""


@pytest.mark.parametrize("name", RENDERINGS)
def test_renders_as_on_file(study, name, update_golden):
    text = RENDERINGS[name](study)
    file = DATA / name
    if update_golden:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_the_json_has_every_table_with_its_numbers(study):
    value = json.loads(render_json(explain(study)))
    assert {table["name"] for table in value["tables"]} == {
        planned.table.name for planned in study.planned
    }
    assert value["step_seconds"] == study.plan.prediction.step_seconds
    assert value["phases"][2]["name"] == "lookup_forward"


@pytest.mark.parametrize("width", [80, 120, None])
def test_no_short_name_is_cut(study, width):
    text = render_terminal(overview(explain(study), 10), width=width)
    assert "…" not in text
    for planned in study.planned:
        assert planned.table.name in text


@pytest.mark.parametrize("width", [20, 40, 80, 120, None])
def test_no_number_is_cut_at_any_width(study, width):
    text = render_terminal(overview(explain(study), 10), width=width)
    for line in explain(study).devices:
        assert f"{line.hbm.used_bytes / 2**30:.1f} GiB of" in text


def test_lines_keep_to_the_width_where_they_can(study):
    text = render_terminal(overview(explain(study), 3), width=120)
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(("width", "shown"), [(80, False), (129, False), (130, True), (None, True)])
def test_what_a_phase_means_is_left_out_of_narrow_lines(study, width, shown):
    text = render_terminal(overview(explain(study), 3), width=width)
    assert ("what happens" in text) is shown


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100])
def test_no_line_ends_between_a_number_and_its_unit(study, width):
    text = render_terminal(overview(explain(study), 3), width=width)
    assert not re.search(r"\n\s*(ns|us|ms|s|B|[KMGT]iB)\b", text)


def fitted_to(width, *columns):
    """Lines of a grid of one row that repeats the titles' cells; columns come with their cell."""
    grid = Grid(tuple(column for column, _ in columns), (tuple(cell for _, cell in columns),))
    text = render_terminal(Report("t", (Section("s", grid=grid),)), width=width)
    return text.split("\ns\n")[1].splitlines()


def test_long_names_are_shortened_in_the_middle():
    name = Column("table", is_name=True), "user_history_of_clicks_17"
    assert fitted_to(30, name)[1] == "  user_history_of_clicks_17"
    assert fitted_to(24, name)[1] == "  user_histor…_clicks_17"


def test_the_columns_most_easily_spared_are_left_out_first_and_named():
    columns = [
        (Column("a", spare=1), "1" * 10),
        (Column("b", spare=2), "2" * 10),
        (Column("c"), "3" * 10),
    ]
    assert fitted_to(40, *columns)[1].split() == ["1" * 10, "2" * 10, "3" * 10]
    assert fitted_to(28, *columns)[1:] == ["  1111111111  3333333333", "  too narrow for: b"]
    assert fitted_to(23, *columns)[1:] == ["  3333333333", "  too narrow for: a, b"]


def test_titles_are_broken_before_a_column_is_left_out():
    lines = fitted_to(24, (Column("lookup_forward", True, spare=1), "1 us"), (Column("x"), "y" * 9))
    assert [line.split() for line in lines] == [["lookup_"], ["forward", "x"], ["1", "us", "y" * 9]]


def test_no_column_is_left_out_where_lines_have_no_end():
    report = Report("t", (Section("s", grid=Grid((Column("a", spare=9),), (("x" * 999,),))),))
    assert "x" * 999 in render_terminal(report)


def test_lists_are_broken_at_commas_only():
    grid = Grid((Column("", is_list=True),), (("a b 1 us, c d 2 us",),))
    text = render_terminal(Report("t", (Section("s", grid=grid),)), width=14)
    assert [line.strip() for line in text.splitlines()[-2:]] == ["a b 1 us,", "c d 2 us"]


@pytest.mark.parametrize("render", [render_terminal, render_markdown])
def test_phases_that_take_no_time_anywhere_are_hidden(study, render):
    found = explain(study)
    idle = replace(found.phases[-1], seconds=0.0)
    quick = replace(found, phases=(*found.phases[:-1], idle), dense_seconds=0.0)
    assert idle.name in render(overview(found, 3))
    assert "dense " in render(overview(found, 0)).split("Devices")[0]
    assert idle.name not in render(overview(quick, 3))
    assert "dense " not in render(overview(quick, 0)).split("Devices")[0]
    assert idle.name in render_json(quick)


def test_a_balance_is_not_called_fast(study):
    found = replace(explain(study), objective="balance")
    text = render_terminal(overview(found, 0))
    assert "no plan can have a smaller balance" in text
    assert "can be faster" not in text


def test_one_id_per_sample_is_singular(study):
    assert ", 1 id per sample" in render_terminal(table_report(table_detail(study, "user_id")))
    assert ", 20 ids per sample" in render_terminal(table_report(table_detail(study, "item_id")))


def test_without_colour_there_are_no_escapes(study):
    text = render_terminal(overview(explain(study), 3))
    assert "\x1b" not in text
    assert "█" in text


def test_colour_changes_nothing_but_the_colour(study, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    report = overview(explain(study), 3)
    coloured = render_terminal(report, colour=True)
    assert "\x1b[1m" in coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in plain.splitlines()] == render_terminal(report).splitlines()


@pytest.mark.parametrize("render", [render_terminal, render_markdown])
def test_control_characters_do_not_reach_the_terminal(render):
    grid = Grid((Column("a\x1b[31m"),), (("b\x07\n",),))
    text = render(Report("t\x1b]0;x\x07", (Section("s\r", "m\x1b", grid, ("r\x9b1m",)),)))
    assert not set("\x1b\x07\r\x9b") & set(text)


def test_brackets_in_names_are_no_markup():
    grid = Grid((Column("name"),), (("[red]x[/red] :smile:",),))
    assert "[red]x[/red] :smile:" in render_terminal(Report("t", (Section("s", grid=grid),)))


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0, "····"), (0.5, "██··"), (1, "████"), (7, "████"), (-1, "····"), (0.3, "█▎··")],
)
def test_bars_are_blocks_on_dots(fraction, text):
    assert Bar(fraction).text(4) == text


@pytest.mark.parametrize(
    "text",
    ["&#x202e;evil", "&lt;b&gt; & c", "a_b_c *d* _e_ `f`", "<script>x</script>", "[x](y) ![z](w)",
     "a|b", "~~x~~ $y$", "back\\slash", "# no heading", "1. no list", "> none", "+ item", "---"],
)  # fmt: skip
def test_markdown_shows_every_text_as_it_is(text):
    """By a reader of CommonMark, in a heading, in prose and in a cell."""
    grid = Grid((Column("title"),), ((text,),))
    page = render_markdown(Report(text, (Section("s", text, grid, (text,)),)))
    shown = MarkdownIt("commonmark").enable("table").render(page)
    assert shown.count(f">{escape(text, quote=False)}<") == 4, shown
