"""A number about hardware, and how it is known."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pydantic import model_validator

from shardplan.spec.fields.border import Border
from shardplan.spec.validation.fault import fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

Quantity = TypeVar("Quantity")


class Provenance(StrEnum):
    """How a figure is known, the surest first."""

    MEASURED = "measured"
    PUBLISHED = "published"
    DATASHEET = "datasheet"
    ESTIMATED = "estimated"


class Figure(Border, Generic[Quantity]):
    """A quantity with its origin; a plain quantity may be written where the origin is left out."""

    value: Quantity
    """The quantity."""
    provenance: Provenance | None = None
    """How it is known."""
    source: str = ""
    """Where it is from: a key of the file's ``sources``."""

    @model_validator(mode="before")
    @classmethod
    def _accept_plain(cls, value: Any) -> Any:
        return value if isinstance(value, dict | Figure) else {"value": value}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described = handler(core_schema)
        properties = handler.resolve_ref_schema(described)["properties"]
        return {"anyOf": [properties["value"], described]}


class _HasSource(Protocol):
    @property
    def source(self) -> str: ...


def check_sources(
    figures: Iterable[tuple[tuple[str | int, ...], _HasSource]], sources: dict[str, str]
) -> None:
    """Raise the fault of the first figure whose source is not among a file's ``sources``."""
    for path, figure in figures:
        if figure.source and figure.source not in sources:
            known = ", ".join(sources) or "none"
            message = f"source {figure.source!r} is not among the file's sources"
            raise fault(message, f"there are: {known}", at=(*path, "source"))
