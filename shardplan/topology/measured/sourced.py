"""Everything in a file that says how it is known and where it is from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.spec.fields.figure import Provenance


class Sourced(Protocol):
    """A figure, a curve, or what else has an origin of its own."""

    @property
    def provenance(self) -> Provenance | None: ...

    @property
    def source(self) -> str: ...


def sourced(part: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Each such part of a file with its path."""
    if isinstance(part, BaseModel):
        fields = type(part).model_fields
        if {"provenance", "source"} <= fields.keys():
            yield path, part
            return
        for name in fields:
            yield from sourced(getattr(part, name), (*path, name))
    elif isinstance(part, tuple):
        for index, inner in enumerate(part):
            yield from sourced(inner, (*path, index))
