"""When each phase of a step begins and ends, as its plan predicts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.cost.phase import Cover
from shardplan.cost.phases import BACKWARD_PASS, DENSE_ALL_REDUCE
from shardplan.plan.file.rounding import differs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.forecast import Forecast

_BESIDE_BACKWARD = Cover.BACKWARD.name.lower()
"""As plans call it."""


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
    the tables' backward pass where gradients are summed beside that.

    Phases without seconds are left out. Where the step waits for what usually hides, the rest
    hides instead.
    """
    names = [name for name in _in_order(forecast) if _seconds(forecast, name)]
    waited_for = forecast.waited_for
    waited = [name for name in names if name in waited_for]
    late = _late(forecast)
    hidden = [name for name in names if name not in waited]
    beside = [[name for name in hidden if name in chain] for chain in forecast.beside.values()]
    others = [name for name in hidden if not any(name in chain for chain in beside)]
    path = waited if late.intersection(waited) else others
    begin = sum(_seconds(forecast, name) for name in path if name not in late)
    spans = [*_spans(forecast, waited)]
    for chain in (others, *beside):
        spans += _spans(forecast, [name for name in chain if name not in late], 0.0)
        spans += _spans(forecast, [name for name in chain if name in late], begin)
    return tuple(spans)


def _late(forecast: Forecast) -> frozenset[str]:
    """The tables' backward pass and what is summed beside it, if anything is."""
    beside = forecast.beside.get(_BESIDE_BACKWARD)
    return BACKWARD_PASS.union(beside) if beside else frozenset()


def _in_order(forecast: Forecast) -> list[str]:
    names = list(forecast.phases)
    at = next((n for n, name in enumerate(names) if name in BACKWARD_PASS), len(names))
    parts = list(forecast.dense_parts)
    last = [name for name in parts if name == DENSE_ALL_REDUCE.name]
    return [*names[:at], *(name for name in parts if name not in last), *names[at:], *last]


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
