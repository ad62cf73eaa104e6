"""Whether compiled code pays: it is read or compiled only where that leaves most of the time."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

_LOADING_SECONDS = 1.0
"""With less time left it is not worth reading what was compiled before: some times what it
takes."""
_COMPILING_SECONDS = 30.0
"""The same for compiling, which takes some 8 s, the first time on a machine."""


def code_in_time(module: str, seconds_left: float, *, is_long: bool) -> Any:
    """A module of compiled code, ready to be called; None where that would take too long.

    It has ``is_compiled``, ``try_out`` and ``NumbaError``. To compile it pays where what it is for
    ``is_long``.
    """
    if module not in sys.modules and seconds_left < _LOADING_SECONDS:
        return None
    code = code_of(module)
    if code is None:
        return None
    if not (code.is_compiled() or (is_long and seconds_left >= _COMPILING_SECONDS)):
        return None
    return code if _is_ready(module) else None


@cache
def _is_ready(module: str) -> bool:
    """Compile it now, unless that has been done before; False where numba cannot."""
    code = code_of(module)
    try:
        code.try_out()
    except (code.NumbaError, RuntimeError, OSError):  # LLVM's; the disk is full.
        return False
    return True


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
    _is_ready.cache_clear()
    code_of.cache_clear()
