"""Every funnel that the user measured, in every way to serve its stages."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from shardplan.funnel.funnel import Funnel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from shardplan.funnel.stage_way import StageWay

Step = tuple[str, int]
"""A model, and how many candidates of a query come to it."""


@dataclass(frozen=True, slots=True)
class MeasuredFunnel:
    """A row of the user's own table: nothing here says what quality is."""

    steps: tuple[Step, ...]
    """In their order; the candidates that a stage keeps are those that come to the next."""
    quality: float


def enumerate_funnels(
    measured: Iterable[MeasuredFunnel], ways: Mapping[Step, Sequence[StageWay]]
) -> Iterator[Funnel]:
    """Each with one way for each stage; ``ways`` are by kind of device, workers, split and so on.

    Raises ValueError for steps that there is no way for, all at once.
    """
    rows = tuple(measured)
    missing = sorted({step for row in rows for step in row.steps if not ways.get(step)})
    if missing:
        named = ", ".join(f"{model} of {candidates:,}" for model, candidates in missing)
        raise ValueError(f"there is no way to serve {named}")
    for row in rows:
        for stages in product(*(ways[step] for step in row.steps)):
            name = " > ".join(stage.name for stage in stages)
            yield Funnel(name, stages, row.quality)
