"""Everything that shardplan raises on purpose; only the command line makes words of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.diagnostics import Diagnostic


MOST_SHOWN = 20
"""Of things that are wrong, how many are shown one by one."""


def first_of(found: Sequence[object]) -> list[str]:
    """The first of them in words, and behind them how many more there are."""
    rest = len(found) - MOST_SHOWN
    more = [f"... and {rest:,} more like these"] if rest > 0 else []
    return [*map(str, found[:MOST_SHOWN]), *more]


class ShardplanError(Exception):
    """The root of all errors that are not bugs."""

    is_agreed = False
    """Whether every rank of a job raises the same, so that one of them may speak for all."""

    def agreed(self) -> Self:
        """The same, raised on every rank."""
        self.is_agreed = True
        return self


class InputError(ShardplanError):
    """A spec, topology, cost model or plan file is wrong; carries every fault found."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(str(diagnostic) for diagnostic in self.diagnostics))


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A demand that cannot be met: ``subject`` needs more of ``resource`` than there is."""

    subject: str
    """Who needs it: "all tables", "table t_20", ..."""
    resource: str
    """What is short: "hbm of all devices", "hbm of one device", "devices", ..."""
    needs: float
    offers: float
    unit: str
    """"bytes" or "count"."""
    remedy: str = ""
    """The smallest change that would help, as a sentence; empty where none is known."""
    reasons: tuple[str, ...] = ()
    """The rules that leave nothing of the resource, as sentences."""
    note: str = ""
    """What else is known of it, as a sentence."""

    @property
    def is_none(self) -> bool:
        """Whether all that is to be said is that there is none, of what is counted."""
        return self.unit == "count" and (self.needs, self.offers) == (1, 0)

    @property
    def missing(self) -> float:
        """How much is short, in ``unit``."""
        return self.needs - self.offers


class Infeasible(ShardplanError):
    """No plan exists, and this is proven; the shortfalls say why.

    ``facts`` leave no plan together, and would if one were missing; ``remedies`` are changes after
    which there is one, the smallest first. Both are sentences, and empty where nobody looked.
    """

    def __init__(
        self,
        shortfalls: Sequence[Shortfall],
        facts: Sequence[str] = (),
        remedies: Sequence[str] = (),
    ) -> None:
        self.shortfalls = tuple(shortfalls)
        self.facts, self.remedies = tuple(facts), tuple(remedies)
        super().__init__(
            "no plan can exist: "
            + "; ".join(
                f"{s.subject} needs {s.needs:.6g} {s.unit} of {s.resource}, there is {s.offers:.6g}"
                + (f" ({'; '.join(s.reasons)})" if s.reasons else "")
                for s in self.shortfalls[:MOST_SHOWN]
            )
        )


class NoPlanFound(ShardplanError):
    """The limits ran out with neither a plan nor a proof that none exists."""


class Interrupted(ShardplanError):
    """The user interrupted before there was any plan."""


class SolverError(ShardplanError):
    """A back end answered something that does not hold when recomputed."""


class PlanRefused(ShardplanError):
    """A plan cannot run here: it is broken, or made for another model or machine."""

    def __init__(self, differences: Sequence[str]) -> None:
        self.differences = tuple(differences)
        super().__init__(
            "the plan cannot run here:\n" + "\n".join(f"  {d}" for d in first_of(differences))
        )


class RankLost(ShardplanError):
    """Another process of the training job died, or did not answer in time."""


class MemoryExceeded(ShardplanError):
    """More memory is needed of a tier than its pool may hold."""


class CheckpointError(ShardplanError):
    """A checkpoint cannot be read, or does not hold the tables that it should."""


class SaveFailed(CheckpointError):
    """A checkpoint cannot be written; those before it are whole."""
