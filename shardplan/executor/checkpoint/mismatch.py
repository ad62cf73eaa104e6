"""Whether a checkpoint is one of a job's tables."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from shardplan.executor.checkpoint.held_tensor import overlap
from shardplan.executor.checkpoint.number_formats import NUMBER_FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Set

    from shardplan.executor.checkpoint.held_tensor import Extent, HeldTensor
    from shardplan.executor.checkpoint.index import StoredTensor

MOST_NAMED = 5


def differences(
    stored: Mapping[str, StoredTensor], state: Mapping[str, HeldTensor], names: Set[str]
) -> list[str]:
    """What differs from a rank's state, and from the ``names`` that all ranks hold together.

    The first few as words, and how many more there are; none where the checkpoint can be read.
    """
    found = [
        *(f"it has no {name}" for name in state if name not in stored),
        *(f"it has {name}, which the job has not" for name in stored if name not in names),
        *(words for name in state if name in stored for words in _unlike(name, stored, state)),
    ]
    more = [f"and {len(found) - MOST_NAMED:,} more like these"] if len(found) > MOST_NAMED else []
    return [*found[:MOST_NAMED], *more]


def _unlike(
    name: str, stored: Mapping[str, StoredTensor], state: Mapping[str, HeldTensor]
) -> Iterator[str]:
    there, here = stored[name], state[name]
    dtype = NUMBER_FORMATS[here.dtype]
    if there.shape != here.shape:
        yield f"its {name} is of {_shape(there.shape)}, the job's of {_shape(here.shape)}"
    elif there.dtype != dtype:
        yield f"its {name} is {there.dtype}, the job's {dtype}"
    elif not all(_is_covered(there, (c.offsets, c.sizes)) for c in here.chunks):
        yield f"it lacks a part of {name}"


def _is_covered(there: StoredTensor, part: tuple[Extent, Extent]) -> bool:
    """Whether stored chunks, which never overlap, make up a rectangle."""
    shared = (overlap((chunk.offsets, chunk.sizes), part) for chunk in there.chunks)
    return sum(prod(each.sizes) for each in shared if each) == prod(part[1])


def _shape(extent: Extent) -> str:
    return " x ".join(f"{size:,}" for size in extent) or "one number"
