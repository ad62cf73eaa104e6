"""``shardplan validate``."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from test_widths import assert_fits

STEP = "tf2-dlrm-small-a100-amp"


def test_json_has_measured_predicted_and_error_of_a_step(run):
    result = run("validate", STEP, "--format", "json")
    assert result.exit_code == 0, result.stderr
    (step,) = json.loads(result.stdout)["steps"]
    assert step["measured_seconds"] == pytest.approx(14.404e-3)
    assert step["error"] == pytest.approx(step["predicted_seconds"] / 14.404e-3 - 1)
    assert sum(step["part_seconds"].values()) == pytest.approx(step["predicted_seconds"])
    assert STEP in result.stderr


def test_two_runs_say_the_same(run):
    first, second = (run("validate", STEP, "--format", "json").stdout for _ in range(2))
    assert first == second


def test_table_and_markdown_name_what_lies_between(run):
    for form, mark in (("table", STEP), ("markdown", f"| {STEP} |")):
        result = run("validate", "tf2-d*-small-*", "--format", form)
        assert result.exit_code == 0
        assert mark in result.stdout
        assert "MAPE" in result.stdout


def test_filters_leave_what_is_all_of_that(run):
    result = run(
        "validate", "--kind", "gpu-single", "--framework", "tf2-distributed-embeddings",
        "tf2-*-small-*", "--format", "json",
    )  # fmt: skip
    found = json.loads(result.stdout)
    assert {step["kind"] for step in found["steps"]} == {"gpu-single"}
    assert [group["count"] for group in found["accuracy"]] == [3]


def test_the_scatter_has_a_point_for_each_step(run, tmp_path):
    path = tmp_path / "scatter.svg"
    assert run("validate", STEP, "neo-a-128", "--scatter", path).exit_code == 0
    circles = [tag for tag in ElementTree.parse(path).iter() if tag.get("r") == "2.5"]
    assert len(circles) == 1


def test_the_page_of_the_scatter_allows_a_browser_nothing_but_itself(run, tmp_path):
    path = tmp_path / "scatter.html"
    assert run("validate", "neo-a-128", "--scatter", path).exit_code == 0
    page = path.read_text()
    assert "Content-Security-Policy\" content=\"default-src 'none'" in page
    assert page.rstrip().endswith("</html>")
    assert "<svg" in page


@pytest.mark.parametrize("width", [80, 100])
def test_the_report_fits_however_frameworks_are_called(run, width):
    assert_fits(run("validate", "tf2-dlrm-small-*", "neo-a-128", "--width", width).stdout, width)


def test_a_scatter_of_nothing_that_is_predicted_has_its_frame_alone(run, tmp_path):
    path = tmp_path / "scatter.svg"
    assert run("validate", "neo-a-128", "--scatter", path).exit_code == 0
    assert [tag for tag in ElementTree.parse(path).iter() if tag.get("r") == "2.5"] == []


def test_a_step_without_published_inputs_is_told_but_not_predicted(run):
    result = run("validate", "neo-a-128", "--format", "json")
    (step,) = json.loads(result.stdout)["steps"]
    assert step["predicted_seconds"] is None
    assert step["use"] == "unpredicted"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dcnv2-h200x9"], "did you mean 'dcnv2-h200x8'"),
        (["--framework", "caffe"], "there are"),
        (["neo-a-128", "--kind", "cpu"], "all of that"),
        (["neo-a-128", "--scatter", "plot.png"], ".svg or .html"),
    ],
)
def test_what_is_not_there_is_wrong_usage(run, arguments, message):
    result = run("validate", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
