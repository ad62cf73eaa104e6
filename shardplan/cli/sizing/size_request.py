"""What ``size`` is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

ENGINES = ("local", "ray")


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRequest:
    """The arguments and options of the command, by their names there."""

    spec: str
    settings: tuple[str, ...]
    """Of the spec, as ``path=value``."""
    gap: float
    time_limit: float
    solve_limit: float
    seed: int
    threads: int
    engine: str
    output: str
    plans: str | None
    """The folder for the plans of the front."""
    vary: tuple[str, ...]
    """Of machines that do not exist yet, as ``path=values``."""
    budget: float | None
    form: str
    explain: bool
    width: int | None
    quiet: bool
