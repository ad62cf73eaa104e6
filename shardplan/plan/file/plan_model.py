"""The base of all parts of the plan file."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class PlanModel(BaseModel):
    """A part of the plan file: frozen and strict in its types.

    Unknown keys are ignored, so that a plan of a newer minor version can be read.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        allow_inf_nan=False,
    )


_MOST = 2**63 - 1

Count = Annotated[int, Field(ge=0, le=_MOST)]
Positive = Annotated[int, Field(ge=1, le=_MOST)]
Seconds = Annotated[float, Field(ge=0)]
Pair = Annotated[tuple[Count, ...], Field(min_length=2, max_length=2)]
"""Rows and columns."""
