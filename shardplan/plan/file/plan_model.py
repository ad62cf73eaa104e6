"""The base of all parts of the plan file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shardplan.errors import InputError
from shardplan.spec.validation.validation import diagnose

if TYPE_CHECKING:
    from typing import Self

    from shardplan.spec.text.document import Document


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

    @classmethod
    def of_document(cls, document: Document) -> Self:
        """What a document says; raises InputError with every fault found, each with its line."""
        try:
            return cls.of_plain(document.value)
        except ValidationError as error:
            raise InputError(diagnose(cls, document, (), error, cls.of_plain)) from None

    @classmethod
    def of_plain(cls, value: Any) -> Self:
        """Plain values as JSON, so that lists may stand for tuples, and yet text for no number.

        Raises pydantic's ValidationError.
        """
        return cls.model_validate_json(json.dumps(value))


_MOST = 2**63 - 1

Count = Annotated[int, Field(ge=0, le=_MOST)]
Positive = Annotated[int, Field(ge=1, le=_MOST)]
Seconds = Annotated[float, Field(ge=0, le=1e30)]
Pair = Annotated[tuple[Count, ...], Field(min_length=2, max_length=2)]
"""Rows and columns."""
