"""What ``solve`` is asked to do."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from shardplan.solve.settings import PATIENCE_SECONDS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.whatif.near.amortisation import Amortisation


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveRequest:
    """The arguments and options of the command, by their names there."""

    specs: tuple[str, ...]
    topology: str | None
    nodes: int | None
    settings: tuple[str, ...]
    """Of the spec, as ``path=value``."""
    jobs: int
    output: str
    method: str
    gap: float
    time_limit: float
    patience: float | None
    node_limit: int | None
    earlier: str | None
    """The plan to be resumed."""
    old: str | None
    """The plan to stay near."""
    move_budget: int | None
    keep: bool
    amortise: Amortisation | None
    """Over how long a plan near an old one is to pay for what it moves."""
    seed: int
    threads: int
    emit: str | None
    """What to write beside the plan."""
    quiet: bool
    is_limited: bool
    """Whether a limit was given by hand."""
    again: tuple[str, ...] = ()
    """Options that go on with the search, as they were given."""

    def check(self) -> None:
        """Raise UsageError for options that contradict each other."""
        many = len(self.specs) > 1
        for is_so, message in (
            (self.earlier is not None and self.old is not None,
             "--resume and --from exclude each other"),
            (self.earlier is not None and many, "--resume goes with one SPEC"),
            (self.earlier == "-" and "-" in self.specs,
             "only one of SPEC and --resume can be stdin"),
            (self.old is None and (self.keep or self.move_budget is not None),
             "--move-budget and --keep go with --from"),
            (self.old is None and self.amortise is not None, "--amortise goes with --from"),
            (self.amortise is not None and (self.keep or self.move_budget is not None),
             "--amortise says how much moves, and so do --move-budget and --keep"),
            (self.keep and self.move_budget is not None,
             "--move-budget and --keep exclude each other"),
            (self.old == "-" and (self.specs == ("-",) or many),
             "--from cannot be stdin for several specs, or for a spec from stdin"),
            (self.emit is not None and self.output == "-",
             "--emit writes files beside the plan: give it one with -o PLAN"),
        ):  # fmt: skip
            if is_so:
                raise click.UsageError(message)

    def to_go_on(self) -> str:
        """The command that goes on with the search from its plan, for a shell."""
        plan = shlex.quote(self.output)
        words = shlex.join(["shardplan", "solve", self.specs[0], *self.again])
        return f"{words} --resume {plan} -o {plan}"

    def search(self, should_stop: Callable[[], bool]) -> Settings:
        """How to search; a limit that was given by hand is waited for."""
        patience = self.patience
        if patience is None and not self.is_limited:
            patience = PATIENCE_SECONDS
        return Settings(
            self.method,
            self.gap,
            self.time_limit,
            self.node_limit,
            self.seed,
            should_stop,
            patience_seconds=patience,
            threads=self.threads,
        )
