"""Thousands of bent files: no traceback, no hang, nothing that steers a terminal or is believed."""

from __future__ import annotations

import json
import random

import pytest
from attempt import SPEC, attempt, fault_of, watched
from mutator import Mutator

from shardplan.errors import ShardplanError
from shardplan.plan.file.read import parse_plan
from shardplan.plan.verify import verify

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::RuntimeWarning")]

GREEDY = ("--method", "greedy", "--time-limit", "1s", "-q")
FORMATS = ("table", "json", "markdown", "html")
CSV = "name,rows,dim,pooling,dtype,features,access,module\n" + "".join(
    f"t{n},{1000 * n},16,{n},fp16,f{n};g{n},zipf:1.0{n},m.a\n" for n in range(1, 7)
)
SMALL = {"batch": {"local": 64}, "topology": {"name": "dgx-a100", "nodes": 1}}
MEASURED = {
    "step_seconds": 0.01,
    "phases": {"lookup_forward": 0.002},
    "ranks": [{"rank": 0, "phases": {"output_comm": 0.001}, "memory_bytes": {"hbm": 10**9}}],
}


def check(folder, data, *arguments):
    """Write a bent file, run a command on it, and look at how it ends."""
    (folder / "bent").write_bytes(data)
    result = attempt(*arguments)
    fault = fault_of(result)
    assert not fault, f"{fault}: {arguments}\n{result.stderr[-2000:]}\n{data[:5000]!r}"


@pytest.mark.parametrize("seed", range(4))
def test_specs(folder, seed):
    value = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    text, bent = SPEC.read_text(encoding="utf-8"), folder / "bent"
    for number in range(100):
        rng = random.Random(f"spec {seed} {number}")
        bend = Mutator(rng)
        written = bend.text(text) if number % 4 == 0 else bend.text_of(bend.value(value))
        verb = rng.choice(
            (
                ("check", bent, "--format", rng.choice(FORMATS)),
                ("check", bent, "--resolved"),
                ("solve", bent, *GREEDY),
                ("verify", folder / "plan.json", bent),
            )
        )
        check(folder, bend.encoded(written), *verb)


@pytest.mark.parametrize("seed", range(4))
def test_plans(folder, seed):
    plan, bent = folder / "plan.json", folder / "bent"
    text = plan.read_text(encoding="utf-8")
    value = json.loads(text)
    for number in range(80):
        rng = random.Random(f"plan {seed} {number}")
        bend = Mutator(rng)
        key = rng.choice(list(value))
        other = bend.value(value | {key: bend.value(value[key])}, 1)
        written = bend.text(text) if number % 4 == 0 else bend.text_of(other)
        verb = rng.choice(
            (
                ("verify", bent, "--format", rng.choice(FORMATS)),
                ("explain", bent, "--format", rng.choice(FORMATS)),
                ("diff", bent, plan, "--format", rng.choice(FORMATS)),
                ("compare", plan, bent, "--format", rng.choice(FORMATS)),
                ("solve", folder / "spec.json", "--from", bent, *GREEDY),
            )
        )
        check(folder, bend.encoded(written), *verb)


@pytest.mark.parametrize("part", ["topology", "cost_model"])
def test_topologies_and_cost_models(folder, part):
    value = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    for number in range(100):
        bend = Mutator(random.Random(f"{part} {number}"))
        text = bend.text_of(value | {part: bend.value(value[part])})
        check(folder, bend.encoded(text), "check", folder / "bent")


def test_tables_of_csv(folder):
    spec = SMALL | {"tables_file": "tables.csv"}
    for number in range(150):
        bend = Mutator(random.Random(f"csv {number}"))
        (folder / "tables.csv").write_bytes(bend.encoded(bend.text(bend.text(CSV))))
        check(folder, json.dumps(spec).encode(), "check", folder / "bent")


def test_what_was_measured(folder):
    for number in range(80):
        bend = Mutator(random.Random(f"measured {number}"))
        data = bend.encoded(bend.text_of(bend.value(MEASURED)))
        form = FORMATS[number % 4]
        plan = folder / "plan.json"
        check(folder, data, "explain", plan, "--measured", folder / "bent", "--format", form)


def test_a_plan_that_verifies_means_what_it_meant(folder):
    text = (folder / "plan.json").read_text(encoding="utf-8")
    value, good = json.loads(text), meaning(parse_plan(text, "good"))
    believed = 0
    for number in range(300):
        rng = random.Random(f"believed {number}")
        bend = Mutator(rng)
        key = rng.choice(["plan", "plan", "prediction", "tables", "training", "resolved"])
        try:
            with watched(10):
                plan = parse_plan(bend.text_of(value | {key: bend.value(value[key])}), "bent")
                is_good = not verify(plan)
        except ShardplanError:
            continue
        if is_good:
            believed += 1
            assert meaning(plan) == good, f"{key}, {number}"
    assert believed > 0


def meaning(plan):
    """All but what may differ between equal plans."""
    return plan.model_dump(exclude={"run", "solver", "moves", "name", "format_version"})
