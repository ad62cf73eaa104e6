"""What a plan's step is made of, held against what ``explain`` finds on its own way."""

from __future__ import annotations

import pytest

from shardplan import Settings, load, plan
from shardplan.explain.numbers.explain import explain
from shardplan.explain.numbers.study import Study
from shardplan.size.answer.take_apart import take_apart

SPEC = {
    "batch": {"local": 4096},
    "training": {"dense": {"layers": [{"mlp": [13, 512, 256, 64]}]}},
    "tables": [
        {"name": f"t{n}", "rows": 100_000 * n, "dim": 64, "pooling": n} for n in range(1, 13)
    ],
}


@pytest.fixture(scope="module", params=[1, 2])
def both(request):
    case = load(SPEC | {"topology": {"name": "dgx-h100", "nodes": request.param}})
    made = plan(case, Settings(method="greedy"))
    return take_apart(made, case), explain(Study.of(made, made.name))


def test_phases_are_those_that_the_step_waits_for(both):
    found, explained = both
    waited = {p.name: p.seconds for p in found.phases if not p.is_hidden}
    lines = (*explained.phases, *explained.dense_phases)
    assert waited == {p.name: p.seconds for p in lines if not p.is_hidden and p.seconds}
    assert sum(waited.values()) == pytest.approx(explained.step_seconds)


def test_memory_is_that_of_the_fullest_device(both):
    found, explained = both
    assert found.memory_shares["hbm"] == pytest.approx(
        max(device.hbm.fraction for device in explained.devices)
    )


def test_what_binds_is_the_longest_part_with_the_link_that_explain_names(both):
    found, explained = both
    dense = ("dense_forward", "dense_backward", "dense_optimizer")
    seconds = {p.name: p.seconds for p in found.phases if not p.is_hidden}
    layers = sum(seconds.pop(name, 0.0) for name in dense)
    name, longest = max({**seconds, "dense": layers}.items(), key=lambda each: each[1])
    assert found.binds.phase == name
    assert found.binds.share == pytest.approx(longest / explained.step_seconds)
    if found.binds.link:
        (sentence,) = (each for each in explained.limits if each.startswith(f"{name}:"))
        assert found.binds.link in sentence


def test_figures_are_counted_once_each(both):
    found, explained = both
    most = [line.evidence for line in (*explained.phases, *explained.dense_phases) if line.evidence]
    assert found.figures.measured >= max(each.measured for each in most)
    assert 0 < found.figures.total <= sum(e.measured + e.published + e.datasheet + e.estimated
                                          for e in most)  # fmt: skip
