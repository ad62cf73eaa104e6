"""The job that this process is part of, as its environment tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.startup.launcher import LAUNCHERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.startup.launcher import Launcher

_COUNT = re.compile(r"[0-9]{1,9}")
_NODES = re.compile(r"([0-9]{1,9})(?:\(x([0-9]{1,6})\))?")
"""``8(x2)``: two nodes of eight."""
_MOST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class JobWorld:
    """This process among those of its job; None and empty where the environment does not tell."""

    launcher: str
    """What started it."""
    size: int
    """Processes of the job."""
    rank: int | None = None
    local_rank: int | None = None
    """Its number on its node."""
    local_sizes: tuple[int, ...] = ()
    """How many processes nodes have: one value for each size that there is, or for its own node."""

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Self:
        """Raises InputError, with all faults, where it names no job or what it says is no count."""
        for launcher in LAUNCHERS:
            if any(name in environment for name in launcher.size):
                return cls(launcher.name, *_Told(launcher, environment).fields())
        message = "names no job: none of " + ", ".join(each.size[0] for each in LAUNCHERS)
        hint = "run this in the job, under torchrun or srun, which say which process it is"
        raise InputError([_fault("", message, hint)])


class _Told:
    """What a launcher says; faults add up until all of it is read."""

    def __init__(self, launcher: Launcher, environment: Mapping[str, str]) -> None:
        self._launcher, self._environment = launcher, environment
        self._faults: list[Diagnostic] = []

    def fields(self) -> tuple[int, int | None, int | None, tuple[int, ...]]:
        """Those of a JobWorld behind its launcher. Raises InputError."""
        told = self._launcher
        size = self._count(*told.size)
        rank, local_rank = self._count(told.rank), self._count(told.local_rank)
        local_sizes = self._sizes(*told.local_sizes)
        if size == 0:
            self._faults.append(_fault(told.size[0], "is 0: a job has processes"))
        if self._faults or size is None:
            raise InputError(self._faults)
        return size, rank, local_rank, local_sizes

    def _count(self, *names: str) -> int | None:
        for name in names:
            text = self._environment.get(name)
            if text is not None and not _COUNT.fullmatch(text):
                self._faults.append(_fault(name, f"{text[:_MOST_SHOWN]!r} is no count"))
            elif text is not None:
                return int(text)
        return None

    def _sizes(self, *names: str) -> tuple[int, ...]:
        for name in names:
            text = self._environment.get(name)
            if text is None:
                continue
            parts = [_NODES.fullmatch(part) for part in text.split(",")]
            if all(parts):
                return tuple(sorted({int(part[1]) for part in parts if part}))
            message = f"{text[:_MOST_SHOWN]!r} is no count of processes per node, such as 8(x2)"
            self._faults.append(_fault(name, message))
        return ()


def _fault(name: str, message: str, hint: str = "whatever started the job sets it") -> Diagnostic:
    return Diagnostic("environment", 0, 0, name, message, hint, code="environment")
