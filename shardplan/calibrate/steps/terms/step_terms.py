"""All terms of a step that are fitted."""

from __future__ import annotations

from dataclasses import fields
from functools import reduce
from typing import TYPE_CHECKING

from shardplan.calibrate.steps.terms.step_term import (
    CurveTerm,
    FrameworkTerm,
    RateTerm,
    StepTerm,
    SweepTerm,
    TypeTerm,
)
from shardplan.cost.phases import (
    ALL_REDUCE,
    GRADIENT_COMM,
    IDS_COMM,
    LOOKUP_FORWARD,
    OUTPUT_COMM,
    UPDATE_BACKWARD,
)
from shardplan.cost.profile.profile import LookupRates
from shardplan.sharding.kind import ShardingType
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.calibrate.steps.terms.figures import Figures

PARTS = {
    "distribute": (IDS_COMM,),
    "forward": (LOOKUP_FORWARD, OUTPUT_COMM),
    "backward": (GRADIENT_COMM, UPDATE_BACKWARD, ALL_REDUCE),
}
"""The parts of a step that are timed, and the phases that each is made of."""
_UPDATE_ALONE = {"per_unique_row", "per_unique_byte", "per_gathered_byte"}
_OF_IDS = (
    "per_step", "per_group", "per_table",
    "per_feature", "per_id", "per_bucketed_id", "per_own_feature", "per_own_id",
)  # fmt: skip
_OF_OUTPUTS = ("per_group", "per_output_byte", "per_model_output", "per_own_output")
_SUMMED = (ShardingType.ROW_WISE, ShardingType.COLUMN_WISE)
"""Types whose outputs are put together from parts, by rows or by columns."""


def step_terms() -> tuple[StepTerm, ...]:
    """In the order of the step.

    A term that grows like another one of the same part for all tables is left out: the rate of
    outputs of a kernel, for example, where outputs are exchanged.
    """
    rates = [field.name for field in fields(LookupRates)]
    looked_up = [name for name in rates if name not in _UPDATE_ALONE]
    replicated = ShardingType.DATA_PARALLEL
    return (
        *(CurveTerm(each) for each in Collective),
        SweepTerm(),
        *(FrameworkTerm(IDS_COMM.name, name) for name in _OF_IDS),
        *(TypeTerm(IDS_COMM.name, kind, "per_group") for kind in _SUMMED),
        *(RateTerm(LOOKUP_FORWARD.name, name) for name in ("launch", *looked_up)),
        FrameworkTerm(LOOKUP_FORWARD.name, "per_group"),
        TypeTerm(LOOKUP_FORWARD.name, replicated, "per_table"),
        *_of_exchange(OUTPUT_COMM.name),
        *_of_exchange(GRADIENT_COMM.name),
        *(RateTerm(UPDATE_BACKWARD.name, name) for name in ("launch", *rates)),
        FrameworkTerm(UPDATE_BACKWARD.name, "per_group"),
        TypeTerm(UPDATE_BACKWARD.name, replicated, "per_id"),
        FrameworkTerm(ALL_REDUCE.name, "per_group"),
        FrameworkTerm(ALL_REDUCE.name, "per_table"),
        FrameworkTerm(ALL_REDUCE.name, "per_weight"),
    )


def _of_exchange(phase: str) -> list[StepTerm]:
    common = [FrameworkTerm(phase, name) for name in _OF_OUTPUTS]
    own = ("per_group", "per_output_byte")
    return [*common, *(TypeTerm(phase, kind, name) for kind in _SUMMED for name in own)]


def with_values(figures: Figures, terms: Sequence[StepTerm], values: Sequence[float]) -> Figures:
    """The figures with all coefficients in their places."""
    pairs = zip(terms, values, strict=True)
    return reduce(lambda found, pair: pair[0].put(found, pair[1]), pairs, figures)
