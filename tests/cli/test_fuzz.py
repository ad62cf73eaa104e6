"""Broken files by the thousand: no traceback, no hang, and an exit code that is documented."""

from __future__ import annotations

import json
import random
import signal
from contextlib import contextmanager

import pytest
from mutations import mutated, scrambled

from shardplan.build_case import build_case
from shardplan.cli.exit_code import ExitCode
from shardplan.spec.load import load_spec

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::RuntimeWarning")]

_SLOWEST_SECONDS = 20
_GOOD_OR_INVALID = {ExitCode.DONE, ExitCode.INVALID_INPUT}
_VERIFIED = {*_GOOD_OR_INVALID, ExitCode.FAILED_VERIFICATION}
_SOLVED = {*_GOOD_OR_INVALID, ExitCode.INFEASIBLE, ExitCode.NO_PLAN}


@contextmanager
def no_longer_than(seconds, what):
    """Fail where the block hangs."""

    def fail(number, frame):
        raise AssertionError(f"still busy after {seconds} s with {what}")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def answer(run):
    """Run a command on a broken file from stdin, and check how it ends."""

    def check(codes, text, *arguments):
        with no_longer_than(_SLOWEST_SECONDS, f"{arguments}\n{text}"):
            result = run(*arguments, stdin=text.encode("utf-8", "surrogateescape"))
        told = f"{arguments} ended with {result.exit_code}\n{result.stderr[-2000:]}\n{text[:20000]}"
        assert result.exit_code in codes, told
        assert "internal error" not in result.stderr, told
        assert "Traceback" not in result.stderr, told
        assert result.exception is None or isinstance(result.exception, SystemExit), told
        if result.exit_code == ExitCode.INVALID_INPUT:
            assert "error" in result.stderr.lower(), told

    return check


@pytest.fixture(scope="module")
def spec(spec_path):
    return build_case(load_spec(str(spec_path))).resolved


@pytest.mark.parametrize("seed", range(10))
def test_specs_with_other_values(answer, spec, seed):
    rng = random.Random(seed)
    for _ in range(50):
        answer(_GOOD_OR_INVALID, json.dumps(mutated(spec, rng)), "check", "-")


@pytest.mark.parametrize("part", ["topology", "cost_model"])
@pytest.mark.parametrize("seed", range(8))
def test_topologies_and_cost_models_with_other_values(answer, spec, part, seed):
    rng = random.Random(seed)
    for _ in range(35):
        text = json.dumps(spec | {part: mutated(spec[part], rng)})
        answer(_GOOD_OR_INVALID, text, "check", "-")


@pytest.mark.parametrize("seed", range(8))
def test_specs_with_other_text(answer, spec_path, seed):
    rng, text = random.Random(seed), spec_path.read_text(encoding="utf-8")
    for _ in range(45):
        answer(_GOOD_OR_INVALID, scrambled(text, rng), "check", "-")


@pytest.mark.parametrize("verb", ["verify", "explain", "diff"])
@pytest.mark.parametrize("seed", range(8))
def test_plans_with_other_values(answer, plan_path, verb, seed):
    rng, plan = random.Random(seed), json.loads(plan_path.read_text(encoding="utf-8"))
    other = [str(plan_path)] if verb == "diff" else []
    for _ in range(30):
        key = rng.choice(list(plan))
        text = json.dumps(plan | {key: mutated(plan[key], rng, 1)})
        answer(_VERIFIED, text, verb, "-", *other)


@pytest.mark.parametrize("verb", ["verify", "explain"])
@pytest.mark.parametrize("seed", range(4))
def test_plans_with_other_text(answer, plan_path, verb, seed):
    rng, text = random.Random(seed), plan_path.read_text(encoding="utf-8")
    for _ in range(30):
        answer(_VERIFIED, scrambled(text, rng), verb, "-")


@pytest.mark.parametrize("seed", range(4))
def test_pages_of_plans_with_other_values(answer, plan_path, seed):
    rng, plan = random.Random(seed), json.loads(plan_path.read_text(encoding="utf-8"))
    for _ in range(30):
        text = json.dumps(plan | {"run": mutated(plan["run"], rng, 2)})
        answer(_GOOD_OR_INVALID, text, "explain", "-", "--format", "html")


@pytest.mark.parametrize("seed", range(2))
def test_solves_of_specs_with_other_values(answer, spec, seed):
    rng = random.Random(seed)
    for _ in range(30):
        text = json.dumps(mutated(spec, rng))
        arguments = ("--method", "greedy-dim", "--time-limit", "1s", "-q")
        answer(_SOLVED, text, "solve", "-", *arguments)
