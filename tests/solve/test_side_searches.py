"""Searches beside that of a solve: the same result each time, and nothing is left of them."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from problems import problem_of

from shardplan.solve.portfolio import side_searches
from shardplan.solve.portfolio.portfolio import prove_relaxation, solve
from shardplan.solve.portfolio.side_search import Found, SideSearch
from shardplan.solve.reporter import Reporter
from shardplan.solve.search.around_best import AroundBest
from shardplan.solve.search.move import Move, Turn
from shardplan.solve.search.record import Record
from shardplan.solve.search.search_params import SearchParams
from shardplan.solve.search.starts.first_placements import FirstPlacements
from shardplan.solve.search.starts.fresh_start import FreshStart
from shardplan.solve.settings import Settings

POPEN = subprocess.Popen
QUICK_MOVES = (FirstPlacements(fineness=(1.0,), rounds=1), FreshStart(), AroundBest())
ONE_PASS = Settings(
    gap=1e-6,
    time_limit_seconds=1e6,
    node_limit=2,
    effort=0.03,
    search=SearchParams(QUICK_MOVES),
    threads=2,
)
"""Repeats, whatever the machine."""


def hard():
    """A problem that neither its relaxation nor a small program solves."""
    rng = np.random.default_rng(3)
    whole = rng.lognormal(size=(30, 1, 3))
    load = np.concatenate([whole, 0.55 * whole], axis=1).reshape(-1, 3)
    return problem_of(load, options_per_item=2, units=[1, 2] * 30, devices=8, nodes=2)


@pytest.fixture
def started(monkeypatch):
    """The processes that were begun."""
    begun = []

    def popen(*given, **named):
        begun.append(POPEN(*given, **named))
        return begun[-1]

    monkeypatch.setattr(side_searches.subprocess, "Popen", popen)
    return begun


@pytest.fixture(scope="module")
def alone():
    return solve(hard(), replace(ONE_PASS, threads=1))


def test_the_same_number_of_searches_finds_the_same_which_is_no_worse(started, alone):
    first, again = solve(hard(), ONE_PASS), solve(hard(), ONE_PASS)
    assert first.placement == again.placement
    assert first.objective <= alone.objective
    assert first.lower_bound <= first.objective
    assert len(started) == 2
    assert all(process.returncode is not None for process in started)


def test_what_is_found_beside_a_search_is_taken(alone):
    record = Record.begun(hard(), replace(ONE_PASS, threads=1), Reporter())
    with side_searches.SideSearches(record, SearchParams(QUICK_MOVES), 1) as company:
        prove_relaxation(record, SearchParams(QUICK_MOVES))
        assert record.placement is None
        company.searched(0)
    assert record.placement is not None
    assert record.objective <= 1.05 * alone.objective


def test_a_killed_process_is_done_without(monkeypatch, alone):
    def killed(*given, **named):
        process = POPEN(*given, **named)
        process.kill()
        return process

    monkeypatch.setattr(side_searches.subprocess, "Popen", killed)
    found = solve(hard(), ONE_PASS)
    assert found.placement == alone.placement


def test_a_move_that_no_other_process_knows_is_tried_here_alone(started):
    @dataclass(frozen=True)
    class Local(Move):
        name: ClassVar[str] = "local"

        def improve(self, record: Record, turn: Turn) -> None:
            turns.append(turn.restart)

    turns: list[int] = []
    found = solve(hard(), replace(ONE_PASS, search=SearchParams((*QUICK_MOVES, Local()))))
    assert found.placement is not None
    assert turns
    assert all(process.returncode is not None for process in started)


def test_a_process_ends_with_the_one_that_asked():
    record = Record.begun(hard(), replace(ONE_PASS, node_limit=None), Reporter())
    prove_relaxation(record, SearchParams(QUICK_MOVES))
    process = subprocess.Popen(
        [sys.executable, "-c", side_searches.RUN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    pickle.dump(SideSearch.of(record, SearchParams(QUICK_MOVES), 1), process.stdin)
    process.stdin.flush()
    assert isinstance(pickle.load(process.stdout), Found)
    process.stdin.close()
    assert process.wait(timeout=60) == 0
    process.stdout.close()


def test_an_interrupted_solve_waits_for_nobody(started):
    record = Record.begun(hard(), replace(ONE_PASS, should_stop=lambda: True), Reporter())
    with side_searches.SideSearches(record, SearchParams(QUICK_MOVES), 1) as company:
        company.searched(0)
        company.stopped()
    assert started[0].returncode is not None


def _solved(pipe):
    pipe.send(solve(hard(), ONE_PASS).objective)


def test_a_daemon_may_have_searches_beside_its_own(alone):
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    process = fork.Process(target=_solved, args=(theirs,), daemon=True)
    process.start()
    assert ours.recv() <= alone.objective
    process.join()
