"""``shardplan size --vary``."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from shardplan.cli.main import cli

SPEC = """\
name: small
batch: {global: 16384}
topology: {name: dgx-a100, nodes: 2}
tables:
  - {name: a, rows: 4_000_000, dim: 128, pooling: 20}
  - {name: b, rows: 2_000_000, dim: 64, pooling: 5}
size:
  machines:
    - {topology: {name: dgx-a100}, nodes: [2]}
"""
VARY = ("--vary", "nics.rate=100..200Gb/s@20/GB/s", "--vary", "scale_up.bandwidth=300GB/s@1/GB/s")


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text(SPEC)
    return lambda *options: CliRunner().invoke(cli, ["size", str(path), *options])


def test_every_mix_is_bounded_and_planned_and_the_balanced_one_is_told(run):
    result = run(*VARY, "--budget", "900", "--format", "json")
    assert result.exit_code == 0
    answer = json.loads(result.output)
    assert answer["format_version"] == "1.0"
    (machine,) = answer["machines"]
    assert machine["varied"] == ["nics.rate", "scale_up.bandwidth"]
    slow, quick = machine["mixes"]
    assert slow["words"] == ["12.5 GB/s", "300 GB/s"]
    assert [slow["cost"], quick["cost"]] == pytest.approx([550, 800])
    for mix in (slow, quick):
        assert mix["bound_seconds"] <= mix["step_seconds"] * (1 + 1e-6)
    assert quick["step_seconds"] <= slow["step_seconds"]
    assert machine["balanced"]["values"] == quick["values"]
    assert machine["marginal"][0]["twice_seconds"] < machine["least_seconds"]
    assert machine["solved"]
    for each in machine["solved"]:
        change = each["twice_seconds"] / each["step_seconds"] - 1
        assert each["least_change"] - 1e-9 <= change <= 1e-9
        assert quick["step_seconds"] <= each["step_seconds"]


def test_the_table_names_what_helps_and_what_does_not(run):
    result = run(*VARY, "--budget", "600")
    assert result.exit_code == 0
    assert "2 nodes of dgx-a100, batch 16,384: what more is worth" in result.output
    assert "more by itself moves no bound: " in result.output
    assert "for 600: nics.rate 12.5 GB/s, scale_up.bandwidth 300 GB/s, at 550" in result.output


def test_the_machine_that_is_behind_is_told_with_what_holds_it_up(run):
    both = "size.machines=[{topology: zion, nodes: [4]}, {topology: zionex, nodes: [4]}]"
    result = run("--vary", "nics.rate=200Gb/s", "--set", both, "--format", "json")
    assert result.exit_code == 0
    (behind,) = json.loads(result.output)["behind"]
    assert behind["candidate"] == "4 nodes of zion, batch 16,384"
    assert behind["ahead"] == "4 nodes of zionex, batch 16,384"
    assert behind["taken"][0]["part"] == "nics"
    assert behind["least_seconds"] > behind["taken"][0]["least_seconds"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--budget", "5"), "--budget is for machines that --vary describes"),
        ((*VARY[:2], "--format", "svg"), "--vary is not told as svg"),
        (("--vary", "nics.speed=1..2GB/s"), "has no figure 'nics.speed'"),
        (("--vary", "nics.rate=1..2GB/s", "--budget", "5"), "has no price, and there is a budget"),
    ],
)
def test_wrong_usage_is_refused(run, options, message):
    result = run(*options)
    assert result.exit_code == 2
    assert message in result.output + str(result.stderr)
