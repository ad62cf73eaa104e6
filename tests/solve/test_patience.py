"""How long a search goes on without finding anything better."""

from __future__ import annotations

from shardplan.solve.search.patience import Patience


def patience(seconds):
    now = [0.0]
    return Patience(seconds, lambda: now[0]), now


def test_it_is_over_when_nothing_improves_and_begins_anew_with_what_does():
    found, now = patience(10.0)
    found.heard(2.0, 1.0)
    now[0] = 9.0
    found.heard(1.9, 1.0)
    now[0] = 18.0
    found.heard(1.9, 1.1)
    now[0] = 28.0
    assert not found.is_over
    now[0] = 28.1
    assert found.is_over


def test_a_little_better_is_not_better():
    found, now = patience(10.0)
    found.heard(2.0, 1.0)
    now[0] = 9.0
    found.heard(1.9999, 1.0001)
    now[0] = 11.0
    assert found.is_over


def test_it_never_ends_before_there_is_a_placement_or_without_a_limit():
    found, now = patience(10.0)
    found.heard(float("inf"), 1.0)
    now[0] = 1e6
    assert not found.is_over
    endless, now = patience(None)
    endless.heard(2.0, 1.0)
    now[0] = 1e6
    assert not endless.is_over
