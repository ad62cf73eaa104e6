"""When each phase of a step begins and ends, as its plan predicts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.cost.phases import BACKWARD_PASS, DENSE_ALL_REDUCE, DENSE_OPTIMIZER
from shardplan.plan.file.rounding import differs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.forecast import Forecast

_LAST = (DENSE_ALL_REDUCE.name, DENSE_OPTIMIZER.name)
"""Of the dense part: behind the tables' backward pass."""


@dataclass(frozen=True, slots=True)
class Span:
    """A phase from its begin to the end of its slowest device."""

    name: str
    begin_seconds: float
    seconds: float
    mean_seconds: float
    """Of all devices; the others wait for the slowest."""
    rank: int | None
    """The slowest device; None where all spend the same."""
    is_hidden: bool

    @property
    def end_seconds(self) -> float:
        """When the slowest device ends."""
        return self.begin_seconds + self.seconds


def timeline(forecast: Forecast) -> tuple[Span, ...]:
    """Those that the step waits for, in order; then the hidden ones, which begin with it, or with
    the part of the step that they run beside.

    Phases without seconds are left out. Where the step waits for what usually hides, the rest
    hides instead.
    """
    names = [name for name in _in_order(forecast) if _seconds(forecast, name)]
    waited_for = forecast.waited_for
    waited = [name for name in names if name in waited_for]
    hidden = [name for name in names if name not in waited]
    own = frozenset[str]().union(*forecast.beside.values())
    others = [name for name in hidden if name not in own]
    spans = [*_spans(forecast, waited)]
    parts = forecast.parts_beside
    late = frozenset[str]().union(*(part for pair in parts for part in pair))
    if late and not late.intersection(waited):
        # The step waits for what hides behind all of it: its own path is a hidden one.
        spans += _spans(forecast, others, 0.0)
        others = []
    else:
        spans += _spans(forecast, [name for name in others if name not in late], 0.0)
    begins = {span.name: span.begin_seconds for span in spans}
    for beside, part in parts:
        begin = min((begins[name] for name in begins if name in beside | part), default=0.0)
        left = [name for name in hidden if name in beside | part and name not in begins]
        spans += _spans(forecast, left, begin)
    for chain in forecast.beside.values():
        left = [name for name in hidden if name in chain and name not in late]
        spans += _spans(forecast, left, 0.0)
    return tuple(spans)


def _in_order(forecast: Forecast) -> list[str]:
    """What runs beside a part of the step stands behind that part."""
    names = list(forecast.phases)
    at = next((n for n, name in enumerate(names) if name in BACKWARD_PASS), len(names))
    parts = list(forecast.dense_parts)
    last = [name for name in parts if name in _LAST]
    names = [*names[:at], *(name for name in parts if name not in last), *names[at:], *last]
    for beside, part in forecast.parts_beside:
        rest = [name for name in names if name not in beside]
        at = max((n + 1 for n, name in enumerate(rest) if name in part), default=len(rest))
        names = [*rest[:at], *(name for name in names if name in beside), *rest[at:]]
    return names


def _seconds(forecast: Forecast, name: str) -> float:
    parts = forecast.dense_parts
    return parts[name] if name in parts else forecast.phases[name]


def _spans(
    forecast: Forecast, names: list[str], hidden_from: float | None = None
) -> Iterator[Span]:
    """One after the other; ``hidden_from`` some second on beside what the step waits for."""
    begin = hidden_from or 0.0
    for name in names:
        seconds = _seconds(forecast, name)
        each = [rank.phases.get(name, seconds) for rank in forecast.ranks] or [seconds]
        rank = each.index(max(each)) if differs(max(each), min(each)) else None
        yield Span(name, begin, seconds, sum(each) / len(each), rank, hidden_from is not None)
        begin += seconds
