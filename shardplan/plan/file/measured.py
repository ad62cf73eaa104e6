"""What a running job measured, to be held beside what its plan predicted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError

from shardplan.cost.phases import DENSE
from shardplan.errors import InputError
from shardplan.plan.file.fingerprint import fingerprint_of_job
from shardplan.plan.file.plan_model import Count, PlanModel
from shardplan.plan.stated import training_of
from shardplan.spec.text.document import read_file
from shardplan.spec.validation.validation import diagnose
from shardplan.spec.validation.wording import did_you_mean, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self

    from shardplan.plan.file.plan import Plan
    from shardplan.spec.text.place import Path


_LONGEST_SECONDS = 1e7
"""Of anything that was measured: what says more, says it in another unit."""
MeasuredSeconds = Annotated[float, Field(ge=0, le=_LONGEST_SECONDS)]
_MEASURE_AGAIN = "give the plan that was measured, or measure this one"


class MeasuredRank(PlanModel):
    """What one rank spent in each phase, and what it held."""

    rank: Count
    phases: dict[str, MeasuredSeconds] = Field(default_factory=dict)
    """By the names of the plan's phases: seconds of a step."""
    memory_bytes: dict[str, Count] = Field(default_factory=dict)
    """By tier: the most that was held at a time."""
    cache: dict[str, Any] = Field(default_factory=dict)
    """What its caches did; kept, and not compared."""


class Measured(PlanModel):
    """A file of measurements; keys unknown here are ignored."""

    plan_sha256: str | None = None
    """Of the plan that was run, as ``fingerprint_of_job`` has it; absent in older files."""
    plan: Any = None
    """The name of the plan that was run."""
    world_size: Count | None = None
    """Over how many ranks it was run."""
    samples: Count | None = None
    """Of each rank and step."""
    step_seconds: MeasuredSeconds | None = None
    """One step from its beginning to its end; absent where only phases were timed."""
    phases: dict[str, MeasuredSeconds] = Field(default_factory=dict)
    """By the names of the plan's phases: seconds of its slowest rank. Of a phase that is absent
    here the slowest of ``ranks`` is taken."""
    ranks: tuple[MeasuredRank, ...] = ()

    @classmethod
    def read(cls, path: str, plan: Plan | None = None) -> Self:
        """Read a JSON file, ``-`` for standard input.

        Raises InputError with every fault found, each with its line, where nothing is measured, or
        where it was not measured on ``plan``.
        """
        document = read_file(path)
        try:
            # As JSON, so that lists may stand for tuples, and yet text for no number.
            found = cls._validate(document.value)
        except ValidationError as error:
            raise InputError(diagnose(cls, document, (), error, cls._validate)) from None
        if found.step_seconds is None and not found.phases and not found.ranks:
            message = "holds nothing that was measured"
            hint = "expected step_seconds, phases or ranks"
            raise InputError([document.diagnostic((), message, hint, "measured")])
        faults = [
            document.diagnostic(path, message, hint, "measured")
            for path, message, hint in (found.differences(plan) if plan is not None else ())
        ]
        if faults:
            raise InputError(faults)
        return found

    def differences(self, plan: Plan) -> Iterator[tuple[Path, str, str]]:
        """What shows that another plan was run: where, what, and what to do about it.

        A file that does not say which plan it is of must not speak of ranks or phases that the
        plan does not have.
        """
        yield from self._other_job(plan)
        known = {*plan.prediction.phases, DENSE.name}
        is_of_plan = self.plan_sha256 is not None
        for name in self.phases:
            if name not in known and not is_of_plan:
                yield ("phases", name), *_unknown_phase(name, known)
        seen: set[int] = set()
        for index, each in enumerate(self.ranks):
            at = ("ranks", index, "rank")
            if each.rank >= plan.world_size:
                message = f"there is no rank {each.rank} in a plan of {plan.world_size} ranks"
                yield at, message, _MEASURE_AGAIN
            elif each.rank in seen:
                yield at, f"rank {each.rank} stands here twice", "keep one of the two"
            seen.add(each.rank)
            for name in each.phases:
                if name not in known and not is_of_plan:
                    yield ("ranks", index, "phases", name), *_unknown_phase(name, known)

    def _other_job(self, plan: Plan) -> Iterator[tuple[Path, str, str]]:
        if self.world_size is not None and self.world_size != plan.world_size:
            message = f"measured over {self.world_size} ranks; the plan has {plan.world_size}"
            yield ("world_size",), message, _MEASURE_AGAIN
        elif self.plan_sha256 not in (None, fingerprint_of_job(plan)):
            yield ("plan_sha256",), "another plan was measured", _MEASURE_AGAIN
        elif self.plan_sha256 is None and isinstance(self.plan, str) and self.plan != plan.name:
            message = f"{show(self.plan)} was measured; the plan is {show(plan.name)}"
            yield ("plan",), message, _MEASURE_AGAIN
        training = training_of(plan)
        if self.samples is None or training is None:
            return
        if self.samples != training.local_batch:
            message = f"measured with {self.samples} samples of a rank; the plan is for "
            message += str(training.local_batch)
            yield ("samples",), message, "measure with the plan's own batch, or plan for this one"

    @classmethod
    def _validate(cls, value: Any) -> Self:
        return cls.model_validate_json(json.dumps(value))

    def seconds_of(self, phase: str) -> float | None:
        """What a phase took; None where it was not measured."""
        if phase in self.phases:
            return self.phases[phase]
        return max((r.phases[phase] for r in self.ranks if phase in r.phases), default=None)


def _unknown_phase(name: str, known: Iterable[str]) -> tuple[str, str]:
    return f"the plan has no phase {show(name)}", did_you_mean(name, sorted(known))
