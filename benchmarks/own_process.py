"""One call in a process of its own, so that its peak memory is its own."""

from __future__ import annotations

import multiprocessing
import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Returned:
    """What a call gave back, and the most memory that its process held, its imports included."""

    value: Any
    peak_bytes: int


def in_own_process(function: Callable[..., Any], *arguments: Any) -> Returned:
    """Call a module's function; it and its arguments are pickled.

    The process is forked off a server that has imported shardplan and nothing else, which takes no
    time and shares none of the caller's memory.

    Raises RuntimeError with the child's message where the call fails, or the child dies.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["shardplan.planning.planner", "shardplan.build_case"])
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_serve, args=(theirs, function, arguments))
    child.start()
    theirs.close()
    try:
        failure, value, peak_bytes = ours.recv()
    except EOFError:
        failure, value, peak_bytes = "the process died", None, 0
    finally:
        child.join()
    if failure:
        raise RuntimeError(failure)
    return Returned(value, peak_bytes)


def _serve(
    connection: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    try:
        value = function(*arguments)
    except Exception as error:
        connection.send((f"{type(error).__name__}: {error}", None, 0))
    else:
        connection.send(("", value, _peak_bytes()))


def _peak_bytes() -> int:
    """Linux's own counter for this process: getrusage's may still count the parent's memory."""
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
