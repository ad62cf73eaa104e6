"""What every rule of advice answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan


@dataclass(frozen=True, slots=True)
class Warned:
    """What a spec should make its author think twice about."""

    code: str
    path: tuple[str, ...]
    """The key that it is about: of the spec, or of ``table``."""
    message: str
    hint: str = ""
    table: int | None = None


class Rule:
    """Looks at a case before there is a plan, at a plan of a case, or at both."""

    def of_case(self, case: Case) -> Iterator[Warned]:
        """Warnings about a spec."""
        yield from ()

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """Sentences about a plan."""
        yield from ()
