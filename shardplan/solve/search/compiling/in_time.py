"""Compiled code, where it is there by now: a solve never compiles, and waits for nothing.

What was compiled before is read from where it is kept, within a second. What was not, a process of
its own compiles meanwhile (``CompilerProcess``), so that neither the clock nor Ctrl-C has to wait
for numba; the search goes on without and reads it once it is there.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from shardplan.solve.search.compiling.compiler_process import CompilerProcess

if TYPE_CHECKING:
    from collections.abc import Callable

_LOADING_SECONDS = 1.0
"""With less time left it is not worth reading what was compiled before: some times what it
takes."""
_COMPILING_SECONDS = 30.0
"""The same for compiling, which takes some 15 s of a core, the first time on a machine."""

_read: set[str] = set()
"""Modules that are ready to be called; ..."""
_hopeless: set[str] = set()
"""... those that numba cannot compile, or nothing can keep; ..."""
_compilers: dict[str, CompilerProcess] = {}
"""... and what compiles others, or did."""


def code_in_time(
    module: str,
    seconds_left: float,
    *,
    is_long: bool,
    waits_no_more: Callable[[], bool] | None = None,
) -> Any:
    """A module of compiled code, ready to be called; None where it is not there by now.

    It says what of it is ``KEPT``. To compile it pays where what it is for ``is_long``. With
    ``waits_no_more``, which is asked often, it is waited for: by what must not depend on what was
    compiled before.
    """
    if module not in sys.modules and seconds_left < _LOADING_SECONDS:
        return None
    code = code_of(module)
    if code is None or module in _hopeless:
        return None
    if _is_there(module, code):
        return code
    if module in _hopeless or not is_long or seconds_left < _COMPILING_SECONDS:
        return None
    if module not in _compilers:
        _compilers[module] = CompilerProcess(module, seconds_left)
    if waits_no_more is not None:
        _compilers[module].wait(waits_no_more)
        return code if _is_there(module, code) else None
    return None


def _is_there(module: str, code: Any) -> bool:
    """Read it, unless it is being compiled or has been read; whether that went well."""
    if module in _read:
        return True
    compiler = _compilers.get(module)
    if compiler is not None and compiler.is_running:
        return False
    if code.KEPT.is_there() and code.KEPT.read():
        _read.add(module)
    elif compiler is not None:
        del _compilers[module]
        if not compiler.was_cut_off:
            _hopeless.add(module)
    return module in _read


@cache
def code_of(module: str) -> Any:
    """The module, of which nothing is compiled yet; None where numba is not installed or idle."""
    if find_spec("numba") is None:
        return None
    try:
        if import_module("numba").config.DISABLE_JIT:
            return None
        return import_module(module)
    except (ImportError, RuntimeError, OSError):  # It is for other versions of Python or NumPy.
        return None


def forget() -> None:
    """Look for all of it again, as after an install."""
    for compiler in _compilers.values():
        compiler.end()
    for known in (_read, _hopeless, _compilers):
        known.clear()
    code_of.cache_clear()
