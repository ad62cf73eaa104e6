"""``shardplan simulate``."""

from __future__ import annotations

import json

import pytest

SPEC = """
topology: dgx-h100
serving:
  load: {queries: 2000/s, peak: 2}
  query: {candidates: 200}
  slo: {p99: 8ms, p50: 2ms}
  replicas: {devices: 1, spare: 1}
  dense: {gpu: {base: 0.5ms, per_sample: 1us}}
tables:
  - {name: user, rows: 1_000_000, dim: 64, pooling: 10, side: user}
"""


@pytest.fixture(scope="module")
def served_plan(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    (folder / "spec.yaml").write_text(SPEC)
    result = run("solve", folder / "spec.yaml", "-o", folder / "plan.json")
    assert result.exit_code == 0, result.stderr
    return folder / "plan.json"


def test_shows_latency_simulated_beside_predicted(run, served_plan) -> None:
    shown = run("simulate", served_plan, "--queries", 20_000)
    assert shown.exit_code == 0, shown.stderr
    assert "20,000 queries simulated on 5 replicas" in shown.stdout
    assert "predicted: exact for this queue" in shown.stdout
    assert "1 down" in shown.stdout


def test_json_has_what_was_found_and_what_breaks_first(run, served_plan) -> None:
    value = json.loads(run("simulate", served_plan, "--queries", 20_000, "--format", "json").stdout)
    p50, _, p99 = value["percentiles"]
    assert abs(p50["seconds"] - p50["predicted_seconds"]) < 0.03 * p50["seconds"]
    assert p50["seconds"] < p99["seconds"] < 5e-3
    assert value["utilisation"] == pytest.approx(0.55, abs=0.05)
    up, down = value["headroom"]
    assert up["breaks_first"] == down["breaks_first"] == "p99"
    assert down["queries_per_second"] == pytest.approx(up["queries_per_second"] * 4 / 5, rel=0.01)


def test_says_by_its_exit_code_that_a_limit_is_broken(run, served_plan) -> None:
    for load, code in ((1, 0), (1.8, 1)):
        options = ("--queries", 5000, "--load", load, "--exit-code")
        assert run("simulate", served_plan, *options).exit_code == code


def test_a_trace_comes_as_it_came(run, served_plan, write) -> None:
    rows = "".join(f"{n / 100},200\n" for n in range(50))
    trace = write(f"seconds,candidates\n{rows}", "trace.csv")
    value = json.loads(
        run("simulate", served_plan, "--trace", trace, "--load", 2, "--format", "json").stdout
    )
    assert value["queries_per_second"] == pytest.approx(200)
    assert value["predicted"] is None
    assert value["percentiles"][-1]["half_width_seconds"] is None  # too few to be sure


def test_what_cannot_be_simulated_is_refused(run, served_plan, plan_path, write) -> None:
    for arguments, words in (
        ((plan_path,), "is a plan for training, not for serving"),
        ((served_plan, "--down", 5), "no replica is left"),
        ((served_plan, "--trace", write("a,b\n", "trace.csv")), "seconds,candidates"),
    ):
        refused = run("simulate", *arguments)
        assert refused.exit_code == 2
        assert words in refused.stderr
