"""How loops are compiled, and where what was compiled is kept."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any

from numba import njit
from numba.core.errors import NumbaError
from numba.core.event import Listener, install_listener

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


@dataclass(frozen=True, slots=True)
class Kept:
    """What a function is compiled to, which is kept in files."""

    function: Any
    """That is ``compiled``."""
    call_once: Callable[[], None]
    """Call it with the types that it is always called with."""

    def is_there(self) -> bool:
        """Whether it has been read, or may be; no file is opened for that."""
        own = Path(self.function.py_func.__code__.co_filename)
        names = f"{own.stem}.{self.function.py_func.__name__}-*.nbi"
        return bool(self.function.signatures) or any(is_new for _, is_new in self._files(names))

    def read(self) -> bool:
        """Whether that went well: it does not where it would have to be compiled.

        Which only numba can tell: what is kept may be of another processor, or half written.
        """
        try:
            with install_listener("numba:compile", _Refusal(get_ident())):
                self.call_once()
        except (NumbaError, RuntimeError, OSError):
            return False
        return True

    def compile(self) -> None:
        """Do so with all that was not, and keep it.

        First do away with what was compiled before any file of the search changed. Raises
        NumbaError, RuntimeError of LLVM, and OSError where the disk is full.
        """
        for each, is_new in self._files("*.nbi"):
            if not is_new:
                each.unlink(missing_ok=True)
        self.call_once()

    def _files(self, names: str) -> Iterator[tuple[Path, bool]]:
        """Lists of what was compiled, and whether no file here is newer: of what a function calls
        in other files numba does not look at the date."""
        own = Path(self.function.py_func.__code__.co_filename)
        sources = chain.from_iterable(Path(__file__).parents[1].glob(each) for each in _SOURCES)
        latest = max((each.stat().st_mtime for each in sources if each.exists()), default=0.0)
        for each in Path(self.function.stats.cache_path or own.parent).glob(names):
            yield each, each.stat().st_mtime >= latest


class _Refusal(Listener):  # type: ignore[misc]
    """Hears when numba is about to compile, having found nothing to read."""

    def __init__(self, thread: int) -> None:
        self._thread = thread

    def on_start(self, event: object) -> None:
        """Let it not; what other threads compile is their own affair."""
        if get_ident() == self._thread:
            raise RuntimeError("nothing is compiled here")

    def on_end(self, event: object) -> None:
        """Of what has not begun."""
