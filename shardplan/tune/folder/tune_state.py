"""What is known so far of a tuning, as its folder keeps it."""

from __future__ import annotations

from pydantic import Field

from shardplan.plan.file.plan_model import Count, PlanModel, Positive, Seconds

FORMAT_VERSION = "1.0"


class JobFacts(PlanModel):
    """What the measurements are of."""

    spec_sha256: str
    """Of the resolved spec, with topology, cost model and framework."""
    command: str
    """That runs a plan."""


class KnownCandidate(PlanModel):
    """A plan that was chosen to be run; its file is ``plans/NAME.json``."""

    name: str
    origin: str
    round: Positive
    predicted_seconds: Seconds
    """By the cost model that the spec names, of a step."""
    is_given: bool = False
    """By the user, or a published baseline."""
    also: tuple[str, ...] = ()
    """Plans that turned out to be like this one."""
    failed: str | None = None
    """Why it does not run."""
    said: tuple[str, ...] = ()
    """The last lines of the job that failed."""


class Run(PlanModel):
    """One run under a plan; what it measured is ``measured/NAME-PASS.json``."""

    candidate: str
    number: Positive
    """Of the pass: runs of the same pass followed one another."""
    step_seconds: Seconds
    phases: dict[str, Seconds]
    """Of the slowest rank, by name."""
    elapsed_seconds: Seconds
    """That the job took."""


class TuneState(PlanModel):
    """Everything; plans and measured files lie beside it."""

    format_version: str = FORMAT_VERSION
    job: JobFacts
    candidates: tuple[KnownCandidate, ...] = ()
    passes: tuple[tuple[str, ...], ...] = ()
    """Which plans were to run in each pass, in that order."""
    runs: tuple[Run, ...] = ()
    best_of_rounds: tuple[str, ...] = ()
    """The fastest plan at the end of each round that is over."""
    passes_of_rounds: tuple[Count, ...] = ()
    """How many passes were begun until then."""
    tried: Count = Field(default=0)
    """Rounds for which plans were proposed."""
