"""Every command, program and spec of the documentation, run as written."""

from __future__ import annotations

import re
import shlex
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import doc_picture
import pytest
from clone import Clone
from doc_pages import PAGES, ROOT, blocks, codes, table

from shardplan.build_case import build_case
from shardplan.cli.exit_code import ExitCode
from shardplan.cli.registry import SHORT_HELP
from shardplan.planning.planner import make_plan
from shardplan.serving.planner import make_served_plan
from shardplan.serving.served_case import build_served_case
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.load import load_document
from shardplan.spec.text.document import read_document
from shardplan.units import parse_fraction, parse_seconds

if TYPE_CHECKING:
    from pathlib import Path

README = ROOT / "README.md"
VENV = "python3 -m venv .venv"
INSTALL = ".venv/bin/pip install -q -e ."
INSTALL_FOR_TESTS = ".venv/bin/pip install -q -e '.[dev]'"
TESTS = ".venv/bin/pytest -n auto"


def commands(page: Path) -> list[list[str]]:
    """The commands of each shell block of a page."""
    return [
        [part for line in block.splitlines() for part in line.split(" && ")]
        for block in blocks(page, "sh")
    ]


@pytest.fixture(scope="module")
def explained(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[Clone, str]:
    """The README's first command, run; with what it wrote.

    To a gap that it reaches in a tenth of the time that it goes on for, unless it is for the page.
    """
    first = commands(README)[0]
    assert first[:2] == [VENV, INSTALL]
    clone = Clone(tmp_path_factory.mktemp("clone"))
    solve, explain = first[2:]
    if not request.config.getoption("--update-golden"):
        solve += " --gap 5%"
    clone.run(*shlex.split(solve))
    return clone, clone.run(*shlex.split(explain))


@pytest.mark.slow
def test_the_picture_is_what_the_first_command_shows(
    explained: tuple[Clone, str], update_golden: bool
) -> None:
    """Apart from what another processor's rounding may do to the search."""
    real = doc_picture.picture(explained[1])
    if update_golden:
        doc_picture.replace_shown(real)
    shown = doc_picture.shown()
    assert doc_picture.phases(shown) == doc_picture.phases(real)
    assert len(shown.splitlines()) == len(real.splitlines())
    before, now = doc_picture.figures(shown), doc_picture.figures(real)
    assert (
        before.keys()
        == now.keys()
        == {
            "step time",
            "throughput",
            "lower bound",
            "gap",
        }
    )
    for label in ("step time", "lower bound"):
        assert parse_seconds(before[label]) == pytest.approx(parse_seconds(now[label]), rel=0.02)
    assert parse_fraction(before["gap"]) == pytest.approx(parse_fraction(now["gap"]), abs=0.01)


def test_the_picture_fits_on_the_first_screen() -> None:
    assert len(doc_picture.shown().splitlines()) <= doc_picture.MOST_LINES


@pytest.mark.slow
def test_the_other_commands_of_the_readme_run(explained: tuple[Clone, str]) -> None:
    clone = explained[0]
    for block in commands(README)[2:]:
        for command in block:
            assert clone.run(*shlex.split(command))


def until_training(page: str) -> tuple[list[str], list[str]]:
    """The blocks of commands before the first that trains, and those from it on."""
    found = blocks(ROOT / "docs" / page, "sh")
    first = next((n for n, block in enumerate(found) if "torchrun " in block), len(found))
    return found[:first], found[first:]


def run_blocks(found: list[str], folder: Path) -> None:
    """In order, in one folder, on the spec of the tutorial.

    A solve ends with the first plan that is about good, not by the clock: on a busy machine a
    second is too short for any.
    """
    clone = Clone(folder / "clone")
    (spec,) = blocks(ROOT / "docs" / "tutorial.md", "yaml")
    (clone.folder / "model.yaml").write_text(spec, encoding="utf-8")
    for line in "".join(found).splitlines():
        clone.run_line(re.sub(r"(?<=solve )(.*) --time-limit \d+s", r"\1 --gap 90%", line))


@pytest.mark.slow
@pytest.mark.parametrize("page", ["tutorial.md", "how-to.md", "serving.md"])
def test_every_block_of_commands_of_a_page_runs(page: str, tmp_path: Path) -> None:
    planning = until_training(page)[0]
    assert planning
    run_blocks(planning, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("torch") is None, reason="trains with PyTorch")
def test_the_tutorial_runs_from_training_on(tmp_path: Path) -> None:
    training = until_training("tutorial.md")[1]
    assert training
    run_blocks(training, tmp_path)


def test_the_second_command_is_what_continuous_integration_runs() -> None:
    """Word for word, in a copy of the project; then what it skipped, with more installed."""
    assert commands(README)[1] == [VENV, INSTALL_FOR_TESTS, TESTS]
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert lines.count("  " + blocks(README, "sh")[1].rstrip("\n")) == 1
    assert "step .venv/bin/pytest -n 4 --skipped-before" in lines


def test_continuous_integration_installs_torchrec_as_its_page_says() -> None:
    """The same versions; where PyTorch's own index is asked is the machine's affair."""
    page, script = (
        (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
        for name in ("docs/torchrec.md", ".ci/run")
    )
    pins = re.compile(r"[\w-]+==[\d.]+")
    (block,) = re.findall(r"```\n(pip install torch==.*?)```", page, re.DOTALL)
    installed = [line for line in script.splitlines() if "==" in line and line.startswith("step ")]
    assert pins.findall(block) == pins.findall("\n".join(installed))
    for text in (block, script):
        (line,) = [each for each in text.splitlines() if "torchrec==" in each]
        assert "--no-deps" in line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_inside_a_sentence_runs(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    clone = None
    for command in dict.fromkeys(re.findall(r"`(shardplan [^`]+)`", text)):
        words = shlex.split(command)
        assert words[1] in SHORT_HELP, command
        if len(words) > 2:
            clone = clone or Clone(tmp_path / "clone")
            clone.run_line(command)


@pytest.mark.slow
def test_the_program_of_the_readme_plans(tmp_path: Path) -> None:
    """To a wider gap: how narrow it becomes, the first command shows on the same spec."""
    clone = Clone(tmp_path / "clone")
    (program,) = blocks(README, "python")
    wider = program.replace("gap=0.05", "gap=0.2")
    assert wider != program
    step_seconds, gap = map(float, clone.run(sys.executable, "-c", wider).split())
    assert 0.003 < step_seconds < 0.01
    assert 0 <= gap <= 0.2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_spec_can_be_planned(page: Path) -> None:
    for text in blocks(page, "yaml"):
        loaded = load_document(read_document(text, page.name), ROOT)
        if loaded.spec.serving is not None:
            served = make_served_plan(build_served_case(loaded))
            assert len(served.tables) == len(loaded.spec.tables)
            continue
        case = build_case(loaded)
        plan = make_plan(case, Settings(method="greedy"), Reporter())
        assert plan.table_count == len(case.workload.tables)


def test_the_readme_names_every_command() -> None:
    named = [codes(row[0])[0].split()[1] for row in table(README, "command").rows]
    assert named == list(SHORT_HELP)


def test_the_readme_names_every_exit_code() -> None:
    named = [int(row[0]) for row in table(README, "exit code").rows]
    assert named == sorted({int(code) for code in ExitCode})


def test_the_readme_tells_the_default_limits() -> None:
    limits = Settings()
    text = " ".join(README.read_text(encoding="utf-8").split())
    assert f"a gap of {limits.gap:.0%} or after {limits.time_limit_seconds:g} s" in text
