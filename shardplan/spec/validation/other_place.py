"""Where in a file a key belongs that was written somewhere else."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel

from shardplan.spec.validation.other_words import other_word

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST = 4
"""Keys of a path that is named."""


def other_place(model: type[BaseModel], key: str) -> str:
    """The shortest path to a key, or to the word that it stands for; empty where there is none.

    ``optimizer`` is ``training.optimizer``, ``sharding_types`` is ``constraints[].sharding``.
    """
    known = _paths(model)
    return known.get(key) or known.get(other_word(key, known), "")


@cache
def _paths(model: type[BaseModel]) -> dict[str, str]:
    """Keys to the first of their shortest paths, from a model down."""
    found: dict[str, str] = {}
    here = [("", model)]
    for _ in range(_DEEPEST):
        inner = [(before, *each) for before, owner in here for each in _fields(owner)]
        for before, key, _ in inner:
            found.setdefault(key, f"{before}{key}")
        here = [
            (f"{before}{key}{'[]' if is_list else ''}.", model)
            for before, key, annotation in inner
            for model, is_list in _models_in(annotation)
        ]
    return found


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        yield field.alias or name, field.annotation


def _models_in(annotation: Any, is_list: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    """The models that an annotation mentions, and whether in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, is_list
    for argument in get_args(annotation):
        yield from _models_in(argument, is_list or get_origin(annotation) in (list, tuple))
