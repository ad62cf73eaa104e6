"""docs/statistics.md says the thresholds that the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shardplan.profile.drift.id_sample import MOST_KEPT
from shardplan.profile.drift.movement import LOST, UNSEEN
from shardplan.profile.drift.plan_effect import FARTHER, SLOWER
from shardplan.profile.drift.reference import HOT_KEPT
from shardplan.profile.fit.file_order import WORTH_SAYING
from shardplan.profile.fit.points import MOST_POINTS
from shardplan.profile.fit.row_order_of import FEWEST_IDS
from shardplan.profile.fit.sample_says import FOR_CACHES, FOR_TIMES

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


@pytest.mark.parametrize(
    "words",
    [
        f"has {MOST_POINTS} points",
        f"times of a step | {FOR_TIMES} batches",
        f"large caches | {FOR_CACHES} batches",
        f"more than {WORTH_SAYING:.0%}, and by more",
        f"Below {FEWEST_IDS} ids",
        f"Turing expect | above {UNSEEN:.0%}",
        f"hottest draw | above {LOST:.0%} more",
        f"about {MOST_KEPT:,} at most",
        f"the hottest {HOT_KEPT:,}",
        f"more than {SLOWER:.0%} longer",
        f"more than {FARTHER:.0%} above the new lower bound, and was {SLOWER:.0%} nearer",
    ],
)
def test_the_page_has_the_thresholds_of_the_code(words: str) -> None:
    assert words in re.sub(r"\s+", " ", PAGE.read_text(encoding="utf-8"))
