"""A solve compiles nothing itself: a process beside it does, and keeps it for all."""

from __future__ import annotations

import importlib
import sys

import pytest

from shardplan.solve.search.compiling import in_time
from shardplan.solve.search.compiling.compiler_process import CompilerProcess
from shardplan.solve.search.compiling.in_time import code_in_time

pytest.importorskip("numba")

LOOPS = """
from shardplan.solve.search.compiling.jit import Kept, compiled

@compiled
def doubled(number):
    return 2 * number

KEPT = Kept(doubled, lambda: doubled(1))
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Loops of which nothing is compiled."""
    name = f"loops_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(LOOPS)
    monkeypatch.syspath_prepend(tmp_path)
    in_time.forget()
    yield name
    in_time.forget()
    sys.modules.pop(name, None)


def test_what_is_compiled_beside_a_solve_is_read_once_it_is_there(module):
    assert code_in_time(module, 60.0, is_long=True) is None  # At once.
    code = code_in_time(module, 60.0, is_long=True, waits_no_more=lambda: False)
    assert code.doubled(21) == 42
    assert sum(code.doubled.stats.cache_hits.values()) == 1
    assert not code.doubled.stats.cache_misses  # Nothing was compiled here.
    assert code_in_time(module, 2.0, is_long=False) is code


def test_a_solve_that_waits_can_be_stopped(module):
    asked = iter([False, True])
    found = code_in_time(module, 60.0, is_long=True, waits_no_more=lambda: next(asked))
    assert found is None
    assert not importlib.import_module(module).doubled.signatures


def test_nothing_is_compiled_where_little_time_is_left(module, monkeypatch):
    monkeypatch.setattr(in_time, "CompilerProcess", pytest.fail)
    assert code_in_time(module, 20.0, is_long=True) is None
    assert code_in_time(module, 60.0, is_long=False) is None


def test_compiling_ends_when_its_time_is_over():
    process = CompilerProcess("shardplan.solve.search.repartition.compiled.player", 0.0)
    process.wait(lambda: False)
    assert process.was_cut_off
    process.end()


def test_what_cannot_be_compiled_is_tried_once(tmp_path, module):
    (tmp_path / f"{module}.py").write_text(LOOPS.replace("2 * number", "number.nothing"))
    assert code_in_time(module, 60.0, is_long=True, waits_no_more=lambda: False) is None
    assert code_in_time(module, 60.0, is_long=True, waits_no_more=pytest.fail) is None
