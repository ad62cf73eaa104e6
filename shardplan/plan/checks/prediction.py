"""The plan's prediction is what its decisions cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.cost_model import TIERS
from shardplan.plan.file.forecast import beside_of
from shardplan.plan.file.rounding import differs, whole_bytes
from shardplan.plan.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.forecast import Forecast, RankForecast
    from shardplan.plan.predict import Prediction


def check_prediction(forecast: Forecast, computed: Prediction) -> Iterator[Finding]:
    """Every recorded number against the recomputed one: seconds to 1e-6, bytes exactly.

    A phase that came up after the plan was made counts as 0 seconds.
    """
    forecast = forecast.completed(computed.phases)
    names = [phase.name for phase in computed.phases]
    overlapped = tuple(phase.name for phase in computed.phases if phase.overlapped)
    is_hidden_so = forecast.overlapped == overlapped
    is_hidden_so &= forecast.beside == beside_of(computed.phases)
    if list(forecast.phases) != names or not is_hidden_so:
        message = f"are {', '.join(forecast.phases)}; the cost model has {', '.join(names)}"
        yield _finding("phases", message)
        return
    totals = {
        "step_seconds": (forecast.step_seconds, computed.step_seconds),
        "balance_seconds": (forecast.balance_seconds, computed.balance_seconds),
        "dense_seconds": (forecast.dense_seconds, computed.dense_seconds),
    }
    parts = forecast.dense_phases or {}
    for name, seconds in (dict.fromkeys(parts, 0.0) | computed.dense.phase_seconds).items():
        totals[f"dense_phases.{name}"] = parts.get(name, 0.0), seconds
    phases = zip(forecast.phases.items(), computed.phase_seconds, strict=True)
    totals |= {f"phases.{name}": (seconds, float(real)) for (name, seconds), real in phases}
    for where, (recorded, real) in totals.items():
        if differs(recorded, real):
            yield _finding(where, f"is {recorded:.9g} s; recomputed {real:.9g} s")
    yield from _check_charges(forecast, computed)
    if len(forecast.ranks) == len(computed.rank_seconds):
        for rank in forecast.ranks:
            yield from _check_rank(rank, computed)


def _check_charges(forecast: Forecast, computed: Prediction) -> Iterator[Finding]:
    """What is paid once per group; a plan that is too old to say it is not held to it."""
    if not forecast.charges:
        return
    real = dict(zip(computed.charges.names, computed.charges.seconds, strict=True))
    recorded = [charge.group for charge in forecast.charges]
    if recorded != list(real):
        message = f"are of {', '.join(recorded)}; recomputed of {', '.join(real) or 'none'}"
        yield _finding("charges", message)
        return
    names = [phase.name for phase in computed.phases]
    for charge in forecast.charges:
        if unknown := sorted(charge.phases.keys() - set(names)):
            message = f"has {len(unknown)} phases that the cost model has not"
            yield _finding(f"charges.{charge.group}", message)
        for name, seconds in zip(names, real[charge.group].tolist(), strict=True):
            said = charge.phases.get(name, 0.0)
            if differs(said, seconds):
                where = f"charges.{charge.group}.{name}"
                yield _finding(where, f"is {said:.9g} s; recomputed {seconds:.9g} s")


def _check_rank(rank: RankForecast, computed: Prediction) -> Iterator[Finding]:
    if not rank.rank < len(computed.rank_seconds):
        return
    where = f"ranks[{rank.rank}]"
    if unknown := sorted(rank.phases.keys() - {phase.name for phase in computed.phases}):
        yield _finding(f"{where}.phases", f"has {len(unknown)} that the cost model has not")
    for phase, real in zip(computed.phases, computed.rank_seconds[rank.rank], strict=True):
        recorded = rank.phases.get(phase.name)
        if recorded is None or differs(recorded, float(real)):
            yield _finding(
                f"{where}.phases.{phase.name}", f"is {recorded} s; recomputed {real:.9g} s"
            )
    for tier, real in enumerate(computed.rank_memory_bytes[rank.rank]):
        held, computed_bytes = rank.memory_bytes[tier], whole_bytes(float(real))
        if held != computed_bytes:
            yield _finding(
                f"{where}.memory_bytes.{TIERS[tier]}", f"is {held}; recomputed {computed_bytes}"
            )


def _finding(where: str, message: str) -> Finding:
    return Finding("prediction", f"prediction.{where}", message)
