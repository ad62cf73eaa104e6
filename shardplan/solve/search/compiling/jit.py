"""How loops are compiled, and where what was compiled is kept."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numba import njit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SOURCES = ("compiling/*.py", "repartition/**/*.py", "reinsertion/*.py")
"""All that compiled code is made of."""
_UNWRAPPED = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compiled(function: Callable[..., Any]) -> Any:
    """What Python calls; other functions are ``inner`` ones, which compile faster.

    Kept in a folder beside its file, or the user's own; in none, if neither can be written.
    """
    return _compiled(function)


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """What compiled functions alone call."""
    found: Callable[..., Any] = _compiled(function, **_UNWRAPPED)
    return found


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same without a call: what takes many arrays is called often for little."""
    found: Callable[..., Any] = _compiled(function, **_UNWRAPPED, forceinline=True)
    return found


def _compiled(function: Callable[..., Any], **more: bool) -> Any:
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", **more}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:
        return njit(**options)(function)


def is_compiled(function: Any) -> bool:
    """Whether to call what is ``compiled`` takes no longer than reading it."""
    own = Path(function.py_func.__code__.co_filename)
    kept = _kept(function, f"{own.stem}.{function.py_func.__name__}-*.nbi")
    return bool(function.signatures) or any(is_new for _, is_new in kept)


def forget_old(function: Any) -> None:
    """Do away with what was compiled before any file of the search changed."""
    for each, is_new in _kept(function, "*.nbi"):
        if not is_new:
            each.unlink(missing_ok=True)


def _kept(function: Any, names: str) -> Iterator[tuple[Path, bool]]:
    """Lists of what was compiled, and whether no file here is newer: of what a function calls in
    other files numba does not look at the date."""
    own = Path(function.py_func.__code__.co_filename)
    sources = chain.from_iterable(Path(__file__).parents[1].glob(each) for each in _SOURCES)
    latest = max((each.stat().st_mtime for each in sources if each.exists()), default=0.0)
    for each in Path(function.stats.cache_path or own.parent).glob(names):
        yield each, each.stat().st_mtime >= latest
