"""What is known so far of a tuning, as its folder keeps it."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from shardplan.plan.file.plan_model import Count, PlanModel, Positive, Seconds
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT_VERSION = "1.0"


def _check_file_name(name: str) -> str:
    if not name.isprintable() or PurePath(name).name != name:
        raise fault("must be the name of a file in plans", "name another folder")
    return name


CandidateName = Annotated[str, AfterValidator(_check_file_name)]


class JobFacts(PlanModel):
    """What the measurements are of."""

    spec_sha256: str
    """Of the resolved spec, with topology, cost model and framework."""
    command: str
    """That runs a plan."""


class KnownCandidate(PlanModel):
    """A plan that was chosen to be run; its file is ``plans/NAME.json``."""

    name: CandidateName
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

    @model_validator(mode="after")
    def _check(self) -> Self:
        """What it says of plans, passes and runs goes together."""
        for at, message in self._loose_ends():
            raise fault(message, "name another folder, or remove this one", at=at)
        return self

    def _loose_ends(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        known: set[str] = set()
        for index, each in enumerate(self.candidates):
            if each.name in known:
                yield ("candidates", index, "name"), f"a second plan {show(each.name)}"
            known.add(each.name)
        for index, names in enumerate(self.passes):
            for position, name in enumerate(names):
                if name not in known:
                    yield ("passes", index, position), f"there is no plan {show(name)}"
        seen: set[tuple[str, int]] = set()
        for index, run in enumerate(self.runs):
            key = (run.candidate, run.number)
            if run.number > len(self.passes) or run.candidate not in self.passes[run.number - 1]:
                message = f"pass {run.number} had no plan {show(run.candidate)}"
                yield ("runs", index, "number"), message
            if key in seen:
                message = f"a second run of {show(run.candidate)} in pass {run.number}"
                yield ("runs", index, "number"), message
            seen.add(key)
        for index, name in enumerate(self.best_of_rounds):
            if name not in known:
                yield ("best_of_rounds", index), f"there is no plan {show(name)}"
        ends = self.passes_of_rounds
        if len(ends) != len(self.best_of_rounds) or list(ends) != sorted(ends):
            yield ("passes_of_rounds",), "must rise, with one number for each of best_of_rounds"
        if ends and ends[-1] > len(self.passes):
            yield ("passes_of_rounds", len(ends) - 1), f"there are {len(self.passes)} passes"
