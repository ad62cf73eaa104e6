"""Explanations of clusters with more devices than fit a page."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from shardplan.explain.numbers.explain import explain
from shardplan.explain.numbers.explanation import DeviceLine, TierBytes, TierUse
from shardplan.explain.report.device_section import MOST_LISTED, device_sections


def _with_devices(study, busy_seconds):
    lines = tuple(
        DeviceLine(rank, seconds, (), TierUse(10, 100), TierBytes(10, 0, 0), None)
        for rank, seconds in enumerate(busy_seconds)
    )
    return replace(explain(study), devices=lines)


def test_few_devices_are_listed_one_by_one(study):
    section = next(device_sections(_with_devices(study, [1.0] * MOST_LISTED)))
    assert [row[0] for row in section.grid.rows] == [str(rank) for rank in range(MOST_LISTED)]


def test_many_devices_that_are_alike_share_a_line(study):
    section = next(device_sections(_with_devices(study, [1.0] * 500 + [2.0] * 12)))
    assert [row[0] for row in section.grid.rows] == ["500-511", "0-499"]


def test_of_many_different_devices_the_busiest_are_listed(study):
    busy = [1.0 + rank / 100 for rank in range(64)]
    section = next(device_sections(_with_devices(study, busy)))
    assert [row[0] for row in section.grid.rows] == [str(rank) for rank in range(63, 55, -1)]
    spread, more = section.remarks
    assert re.match(r"busy: min 1 s, mean 1.31 s, max 1.63 s, max/mean 1.24;", spread)
    assert more.startswith("the 8 busiest of 64 devices")


@pytest.mark.parametrize(("used", "usable", "fraction"), [(1, 4, 0.25), (0, 0, 0), (1, 0, 1)])
def test_memory_use_is_a_fraction_even_of_nothing(used, usable, fraction):
    assert TierUse(used, usable).fraction == fraction
