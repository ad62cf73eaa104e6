"""Files of figures with one slip each: refused with file, line and a hint."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from broken_figures import broken_curves, broken_figures, broken_keys, without_keys

ROOT = Path(__file__).parents[2]
TOPOLOGIES = ("zionex", "gb200-nvl72")
COST_MODELS = ("cpu", "h100")
FILES = [("topologies", name) for name in TOPOLOGIES] + [("cost-models", n) for n in COST_MODELS]
OPTIONAL = {"description", "nodes", "node", "nics", "fabric", "kind", "page", "scale_up", "cache"}
OPTIONAL |= {"curves", "ingest", "gemm", "elementwise", "dynamic"}


def shipped(kind, name):
    return (ROOT / kind.replace("-", "_") / f"{name}.yaml").read_text(encoding="utf-8")


@pytest.fixture
def refusal(run, write):
    """What a command says of a broken file; it must end with exit code 2."""

    def refused(kind, text):
        path = write(text, "broken.yaml")
        result = run("list", kind, "--show", path)
        assert result.exit_code == 2, f"exit code {result.exit_code}\n{result.output}"
        return result.stderr

    return refused


def places(said):
    return [int(line) for line in re.findall(r"broken\.yaml:(\d+):\d+: error: ", said)]


def check(refusal, kind, broken):
    """All of them; what is wrong with the answers, for one message."""
    wrong = []
    for each in broken:
        said = refusal(kind, each.text)
        if each.line not in places(said) or said.count("hint: ") < len(places(said)):
            wrong.append(f"{each.what} (line {each.line})\n{said}")
    assert not wrong, f"{len(wrong)} refusals\n" + "\n".join(wrong[:5])


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_a_broken_figure_is_refused_at_its_line_with_a_hint(refusal, kind, name):
    found = list(broken_figures(shipped(kind, name)))
    assert len(found) > 50
    check(refusal, kind, found)


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_a_slip_in_an_origin_is_refused_at_its_line_with_a_hint(refusal, kind, name):
    check(refusal, kind, broken_keys(shipped(kind, name)))


@pytest.mark.parametrize("name", COST_MODELS)
def test_a_broken_curve_is_refused_at_its_line_with_a_hint(refusal, name):
    check(refusal, "cost-models", broken_curves(shipped("cost-models", name)))


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_a_missing_key_is_refused_with_a_hint(refusal, kind, name):
    for key, text in without_keys(shipped(kind, name)):
        if key not in OPTIONAL:
            assert "hint: " in refusal(kind, text), key
