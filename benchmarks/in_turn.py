"""Steps of several plans and engines in turn, round after round."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from executed_rows import Series

from shardplan.calibrate.steps.training.step_crew import WARM_UP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from shardplan.calibrate.steps.training.step_crew import StepCrew
    from shardplan.plan.file.plan import Plan


@dataclass(frozen=True, slots=True)
class Job:
    """A plan, who made it, and which engine is to train it."""

    series: Series
    engine: str
    optimizer: str
    contenders: tuple[str, ...]
    plan: Plan
    predicted_seconds: float


def times_in_turn(
    crews: Mapping[str, StepCrew], jobs: Sequence[Job], rounds: int
) -> NDArray[np.float64]:
    """(rounds, jobs, 2, 4): seconds by the clock and on a core, of three parts and the step.

    One step of every job in every round. The crews stand side by side; while one trains, the others
    wait for their next line and take no core. Plans of one engine are in another order in each
    round, so that none always follows the same one.
    """
    for engine, crew in crews.items():
        crew.stand([job.plan for job in jobs if job.engine == engine])
    found = np.empty((WARM_UP + rounds, len(jobs), 2, 4))
    for number, seconds in enumerate(found):
        for engine, positions in _asked(jobs, number):
            standing = [_position(jobs, each) for each in positions]
            (seconds[positions],) = crews[engine].times(standing, rounds=1)
    return found[WARM_UP:]


def _asked(jobs: Sequence[Job], number: int) -> Iterator[tuple[str, list[int]]]:
    """Who is asked next in a round, and for which jobs.

    Where engines are compared, each step follows one of the other engine's: what it costs that the
    other had the cores just before, both pay. They change places in every second round.
    """
    positions = range(len(jobs))
    plans = [at for at in positions if jobs[at].series is Series.PLANS]
    engines = [at for at in positions if jobs[at].series is Series.ENGINES]
    random.Random(number).shuffle(plans)
    plans.sort(key=lambda at: jobs[at].engine != jobs[0].engine)
    if number % 2:
        plans, engines = plans[::-1], engines[::-1]
    for engine, group in groupby([*plans, *engines], key=lambda at: jobs[at].engine):
        yield engine, list(group)


def _position(jobs: Sequence[Job], at: int) -> int:
    """Among the jobs of the same engine."""
    return sum(job.engine == jobs[at].engine for job in jobs[:at])
