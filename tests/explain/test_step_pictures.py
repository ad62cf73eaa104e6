"""The step as a timeline, and how the search went."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from explain_cases import case_with_links, plan_of

from shardplan.explain.numbers.explain import explain
from shardplan.explain.numbers.study import Study
from shardplan.explain.numbers.timeline import timeline
from shardplan.explain.render.html.convergence import convergence_picture
from shardplan.explain.render.html.page import render_html_overview
from shardplan.explain.render.html.step import step_picture
from shardplan.plan.file.provenance import HistoryPoint, RunInfo

FLOOR, TOP = 190.0, 10.0
"""The lower and the upper edge of the search's picture."""


def forecast(pipeline="sparse_dist"):
    return plan_of(case_with_links("100GB/s", pipeline=pipeline)).prediction


def test_phases_follow_one_another_with_the_dense_part_before_the_backward_pass():
    found = [span for span in timeline(forecast()) if not span.is_hidden]
    assert [span.name for span in found] == [
        "lookup_forward", "output_comm", "dense", "gradient_comm", "update_backward", "all_reduce",
    ]  # fmt: skip
    for before, after in pairwise(found):
        assert after.begin_seconds == before.end_seconds
    assert found[-1].end_seconds == pytest.approx(forecast().step_seconds)


def test_hidden_phases_begin_with_the_step():
    hidden = [span for span in timeline(forecast()) if span.is_hidden]
    assert hidden[0].name == "ids_comm"
    assert hidden[0].begin_seconds == 0.0


def test_nothing_hides_without_a_pipeline():
    spans = timeline(forecast("none"))
    assert not any(span.is_hidden for span in spans)
    assert spans[0].name == "ids_comm"
    assert spans[-1].end_seconds == pytest.approx(forecast("none").step_seconds)


def test_the_rest_hides_where_the_step_waits_for_the_ids():
    slow = forecast()
    phases = slow.phases | {"ids_comm": 1.0}
    spans = timeline(slow.model_copy(update={"phases": phases, "step_seconds": 1.0}))
    assert [span.name for span in spans if not span.is_hidden] == ["ids_comm"]


def test_the_slowest_rank_is_named(study):
    (line,) = [each for each in explain(study).phases if each.name == "update_backward"]
    (span,) = [each for each in timeline(study.plan.prediction) if each.name == line.name]
    assert span.rank == line.rank is not None
    assert span.mean_seconds == pytest.approx(line.mean_seconds)
    assert f"(rank {line.rank})</text>" in step_picture([span])


def test_the_timeline_stands_above_the_tables(study):
    page = render_html_overview(study, explain(study), 3)
    titles = re.findall("<h2>(.*?)</h2>", page)
    assert titles.index("The step over time") < titles.index("Phases")


def test_a_step_without_seconds_has_no_picture():
    assert step_picture([]) == ""


def test_steps_can_share_a_scale():
    spans = timeline(forecast())
    alone = step_picture(spans)
    beside = step_picture(spans, 2 * spans[-2].end_seconds)
    assert alone != beside


def stairs(history, style):
    """The (x, y) of the corners of the best plans, or of the bound."""
    points = [HistoryPoint(elapsed_seconds=t, best_seconds=b, bound_seconds=low)
              for t, b, low in history]  # fmt: skip
    run = RunInfo(generated_at="", elapsed_seconds=history[-1][0], history=tuple(points))
    drawn = convergence_picture(run)
    line = re.search(rf'class="{style}" points="([^"]*)"', drawn)
    return [tuple(map(float, point.split(","))) for point in line[1].split()], drawn


def test_the_search_is_shown_in_the_last_tenth_of_its_range():
    history = [(0, 100.0, None), (1, 20.0, 8.0), (2, 12.0, 8.0), (3, 10.0, 9.0)]
    best, drawn = stairs(history, "best")
    heights = [y for _, y in best]
    assert heights[0] == heights[1] == TOP  # 100 s, far above 10 s and a tenth of 90 s
    assert TOP < heights[4] < heights[-1] < FLOOR  # 12 s lies within, above the last
    bound, _ = stairs(history, "bound")
    assert heights[-1] < bound[-1][1] < FLOOR
    assert ">100 s<" not in drawn


def test_a_search_that_never_improved_has_a_picture():
    best, drawn = stairs([(0, 5.2345e-3, 5.2345e-3), (1, 5.2345e-3, 5.2345e-3)], "best")
    assert {y for _, y in best} == {best[0][1]}
    ticks = re.findall(r">([\d.]+ ms)<", drawn)
    assert len(set(ticks)) == len(ticks) > 2


def test_the_picture_of_the_search_is_in_the_page():
    case = case_with_links("100GB/s")
    plan = plan_of(case)
    history = (HistoryPoint(elapsed_seconds=0.1, best_seconds=1.0, bound_seconds=0.5),)
    run = plan.run.model_copy(update={"history": history})
    study = Study.of(plan.model_copy(update={"run": run}), "plan.json", case)
    assert "<h2>Search</h2>" in render_html_overview(study, explain(study), 3)
