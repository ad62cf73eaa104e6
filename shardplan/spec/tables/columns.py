"""The columns of a tables file, and what a cell of text stands for.

``features``, ``pooling``, ``num_poolings`` and ``cap`` hold several values with ``;`` between them,
``access`` is ``uniform`` or ``zipf:1.05``, ``padding`` is ``0:66%``, an id and its share, and the
columns ``reuse_0`` to ``reuse_16`` hold a reuse histogram in place of an access.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.spec.fields.access import REUSE_BINS
from shardplan.spec.tables.table_spec import TableSpec
from shardplan.spec.text.scalars import ScalarError, resolve
from shardplan.spec.validation.wording import did_you_mean, show

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

REUSE_COLUMNS = tuple(f"reuse_{i}" for i in range(REUSE_BINS))
COLUMNS = (*TableSpec.model_fields, *REUSE_COLUMNS)
"""The columns that a tables file may have."""

_REQUIRED = ("name", "rows")


class CellError(ValueError):
    """A cell that cannot be read; ``hint`` says what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def column_faults(
    header: Sequence[str], known: Collection[str] = COLUMNS
) -> Iterator[tuple[int, str, str]]:
    """What is wrong with the names of columns: position, message and hint of each fault."""
    seen: set[str] = set()
    for position, column in enumerate(header):
        if column in seen:
            message = f"the column {show(column)} stands here twice"
            yield position, message, "delete one of the two"
        elif column not in known:
            yield position, f"unknown column {show(column)}", did_you_mean(column, known)
        seen.add(column)


def ragged_fault(cells: int, columns: int) -> tuple[str, str] | None:
    """Message and hint where a row has more or fewer cells than there are columns."""
    if cells == columns:
        return None
    return f"has {cells} cells under {columns} columns", "put a text with a comma in quotes"


def missing_columns(header: list[str]) -> list[str]:
    """Columns that a tables file needs and this one lacks."""
    wanted = list(_REQUIRED)
    if any(column in REUSE_COLUMNS for column in header):
        wanted += REUSE_COLUMNS
    return [column for column in wanted if column not in header]


def fold_reuse(table: dict[str, Any]) -> Iterator[CellError]:
    """Put the reuse columns of a row together as its access, if any of them is filled.

    Yields what is wrong: some of them are empty, or the row has another access too.
    """
    bins = [table.pop(name) for name in REUSE_COLUMNS if name in table]
    if not bins:
        return
    if "access" in table:
        yield CellError("has both an access and a reuse histogram", "leave one of them empty")
    if len(bins) < len(REUSE_COLUMNS):
        message = f"has {len(bins)} of {len(REUSE_COLUMNS)} reuse columns"
        yield CellError(message, "fill all or none")
    table["access"] = {"reuse": bins}


def read_cell(column: str, text: str) -> Any:
    """The value of one cell of text; raises CellError."""
    if column in ("name", "module", "dtype", "ids", "dynamic", "pooling_type"):
        return text
    if column == "weighted" and text in ("true", "false"):
        return text == "true"
    if column == "features":
        return [part.strip() for part in text.split(";")]
    if column == "padding":
        return _padding(text)
    if column in ("pooling", "num_poolings", "cap") and ";" in text:
        return [_number(part.strip()) for part in text.split(";")]
    if column == "access":
        return _access(text)
    return _number(text)


def _access(text: str) -> Any:
    form, colon, argument = text.partition(":")
    if not colon:
        return text
    if form.strip() != "zipf":
        hint = "a curve cannot stand in a cell; write the table in the spec"
        raise CellError(f"must be uniform or zipf:1.05 (got {show(text)})", hint)
    return {"zipf": _number(argument.strip())}


def _padding(text: str) -> Any:
    padded, colon, share = (part.strip() for part in text.partition(":"))
    if not colon:
        raise CellError(f"must be an id and its share, like 0:66% (got {show(text)})")
    return {"id": _number(padded), "share": share if share.endswith("%") else _number(share)}


def _number(text: str) -> Any:
    try:
        return resolve(text)
    except ScalarError as error:
        raise CellError(str(error), error.hint) from None
