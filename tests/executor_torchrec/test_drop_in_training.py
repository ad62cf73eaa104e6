"""Models train under the drop-in planner as under TorchRec's: as the unsharded model does."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from rank_crew import Crew

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is not installed"),
]
NEAR = 1e-5
PAGE = Path(__file__).parents[2] / "docs" / "from-torchrec.md"


@pytest.fixture(scope="module")
def crew():
    with Crew(2, 2) as crew:
        yield crew


@pytest.mark.parametrize("planner", ["torchrec", "drop-in"])
@pytest.mark.parametrize("model", ["Dlrm", "DeepFm", "TwoTower", "Din"])
def test_weights_after_five_steps_are_those_of_the_unsharded_model(
    crew: Crew, model: str, planner: str
) -> None:
    for loss, weights, _ in crew.run("drop_in_jobs.train_with", planner, model):
        assert loss < NEAR
        assert weights < NEAR


def test_forty_tables_of_every_kind_train_as_before(crew: Crew) -> None:
    """Weights in fp16 are rounded in other orders."""
    for loss, weights, types in crew.run("drop_in_jobs.train_with", "drop-in", "EveryKind"):
        assert loss < 1e-2
        assert weights < 1e-2
        assert len(types) == 40


@pytest.mark.parametrize(
    ("kinds", "is_right"),
    [(("row_wise",) * 3, True), (("row_wise", "table_wise", "row_wise"), False)],
    ids=["all are cut", "one is not"],
)
def test_torchrec_averages_right_where_all_tables_of_a_module_are_cut_by_rows(
    crew: Crew, kinds: tuple[str, ...], *, is_right: bool
) -> None:
    """Why the planner cuts all tables of a module that averages, or none."""
    worst = max(crew.run("means_jobs.farthest", kinds))
    assert (worst < NEAR) == is_right


def test_all_ranks_have_the_plan_of_rank_0(crew: Crew) -> None:
    first, second = crew.run("drop_in_jobs.plans_of_all_ranks")
    assert first == second


def test_what_rank_0_refuses_all_refuse_with_the_same_words(crew: Crew) -> None:
    first, second = crew.run("drop_in_jobs.refusal_of_all_ranks")
    assert "no plan can exist" in first
    assert first == second


def programs_of_the_page() -> tuple[str, str]:
    """The job before and after the change that the page shows."""
    (shown,) = re.findall(r"^```diff\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    lines = shown.splitlines()
    before, after = (
        "\n".join(line[1:] for line in lines if not line.startswith(other)) for other in "+-"
    )
    return before, after


def test_the_page_changes_three_lines_of_the_job_at_most() -> None:
    before, after = (set(program.splitlines()) for program in programs_of_the_page())
    assert 0 < len(after - before) <= 3
    assert len(before - after) <= 3


@pytest.mark.parametrize("program", programs_of_the_page(), ids=["before", "after"])
def test_the_job_of_the_page_shards_all_forty_tables(crew: Crew, program: str) -> None:
    for found in crew.run("drop_in_jobs.run_program", program):
        assert found == {"user": 20, "item": 16, "seq": 4}
