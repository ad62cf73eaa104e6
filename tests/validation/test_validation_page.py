"""docs/validation.md and the record against what is predicted now."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from shardplan.validation.published_steps import published_steps
from shardplan.validation.residuals import residuals
from shardplan.validation.use import Use
from shardplan.validation.validation import Validation

ROOT = Path(__file__).parents[2]
QUICK = ("tf2-dlrm-small-a100-amp", "tf2-dcnv2-small-a100-amp", "torchrec-p4d-8-64k")


@pytest.fixture
def page(monkeypatch):
    """The script that writes both."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    sys.modules.pop("validation", None)
    import validation

    yield validation
    sys.modules.pop("validation", None)


def rows(text: str, step: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(f"| {step} |")]


def test_the_record_holds_every_check_as_it_was_measured():
    checks = [
        (step.id, step.device_class.value, step.framework, step.measured.seconds)
        for step in published_steps()
        if step.use is Use.CHECK
    ]
    record = [
        (one.id, one.device_class, one.framework, one.measured_seconds) for one in residuals()
    ]
    assert [one[:3] for one in record] == [one[:3] for one in checks]
    assert [one[3] for one in record] == pytest.approx([one[3] for one in checks], rel=1e-4)


def test_a_part_of_the_page_and_of_the_record_is_what_is_predicted_now(page):
    found = Validation.of(step for step in published_steps() if step.id in QUICK)
    text, now = page.PAGE.read_text(encoding="utf-8"), page.page_text(found)
    for step in QUICK:
        assert rows(now, step)
        assert rows(text, step) == rows(now, step)
    record = page.RECORD.read_text(encoding="utf-8")
    lines = [line for line in page.record_text(found).splitlines() if line.startswith("- ")]
    assert len(lines) == len(QUICK)
    assert all(line in record.splitlines() for line in lines)


@pytest.mark.slow
def test_the_page_the_record_and_the_picture_are_what_is_predicted_now(page):
    found = Validation.of(published_steps())
    assert page.PAGE.read_text(encoding="utf-8") == page.page_text(found)
    assert page.RECORD.read_text(encoding="utf-8") == page.record_text(found)
    assert page.SCATTER.read_text(encoding="utf-8") == page.validation_scatter(found)
