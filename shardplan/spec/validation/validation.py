"""A document against a pydantic model: every fault at once, at its line, in our own words."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from shardplan.errors import InputError
from shardplan.spec.validation.either import either
from shardplan.spec.validation.first_errors import first_errors
from shardplan.spec.validation.listing import listed
from shardplan.spec.validation.wording import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.text.document import Document
    from shardplan.spec.text.place import Path

M = TypeVar("M", bound=BaseModel)


def validate(model: type[M], document: Document, at: Path = ()) -> M:
    """The part of a document at the path ``at`` as a ``model``.

    Raises InputError with a diagnostic for every fault, sorted by line and column.
    """
    try:
        return model.model_validate(document.get(at))
    except ValidationError as error:
        raise InputError(diagnose(model, document, at, error)) from None


def diagnose(
    model: type[BaseModel],
    document: Document,
    at: Path,
    error: ValidationError,
    revalidate: Callable[[Any], object] | None = None,
) -> list[Diagnostic]:
    """The faults that pydantic found in the part at ``at``, sorted by line and column.

    Of very many the first are named and the rest counted. ``revalidate`` validates a value as the
    document's was, if not by ``model.model_validate``.
    """
    errors = first_errors(error, document.get(at), model, revalidate or model.model_validate)
    told = [each for details in errors if not _is_echo(each := dict(details))]
    merged = either(told, lambda each: _path_of(document, at, each), model)
    found = {_diagnose_one(model, document, at, each): None for each in merged}
    rest = max(error.error_count() - len(errors), 0)
    return listed(sort_diagnostics(found), rest)


@contextmanager
def collecting(faults: list[Diagnostic]) -> Iterator[None]:
    """Go on after an InputError, with its diagnostics added to ``faults``."""
    try:
        yield
    except InputError as error:
        faults += error.diagnostics


def sort_diagnostics(diagnostics: Any) -> list[Diagnostic]:
    """In the order of the text; those without a line first."""
    return sorted(diagnostics, key=lambda d: (d.file, d.line, d.column))


def _diagnose_one(
    model: type[BaseModel], document: Document, at: Path, details: dict[str, Any]
) -> Diagnostic:
    path = _path_of(document, at, details)
    wording = describe(details, model)
    return document.diagnostic(
        path, wording.message, wording.hint, wording.code, on_key=wording.code == "unknown_key"
    )


def _path_of(document: Document, at: Path, details: dict[str, Any]) -> Path:
    """Where in the document an error of the part at ``at`` is."""
    is_of_key = details["type"] in ("missing", "extra_forbidden")
    path = at + _real_path(document.get(at), tuple(details["loc"]), is_of_key)
    return path + tuple(details.get("ctx", {}).get("at", ()))


def _is_echo(details: dict[str, Any]) -> bool:
    """Pydantic calls a list too short when it is long enough but holds faulty entries."""
    value, context = details["input"], details.get("ctx", {})
    return (
        details["type"] == "too_short"
        and isinstance(value, list)
        and len(value) >= context["min_length"]
    )


def _real_path(value: Any, location: Path, keep_last: bool) -> Path:
    """A location without the names that pydantic puts in for the branches of a union."""
    path: list[str | int] = []
    for position, part in enumerate(location):
        if _holds(value, part):
            path.append(part)
            value = value[part]
        elif keep_last and position == len(location) - 1 and isinstance(value, dict):
            path.append(part)
    return tuple(path)


def _holds(value: Any, part: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, dict) and part in value
