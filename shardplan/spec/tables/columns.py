"""The columns of a tables file, and what a cell of text stands for.

``features``, ``pooling``, ``num_poolings``, ``cap`` and ``dtypes`` hold several values with ``;``
between them, ``access`` is ``uniform``, ``zipf:1.05`` or ``cdf:0.01=0.5;0.1=0.9``, ``padding`` is
``0:66%``, an id and its share, ``quality_loss`` is ``int8=0;int4=0.1%``, ``prune`` is ``60%=0.01``.
In place of an access, the columns ``cdf_rows`` and ``cdf_accesses`` hold the points of a curve as
two lists, and ``reuse_0`` to ``reuse_16`` a reuse histogram.
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
CDF_COLUMNS = ("cdf_rows", "cdf_accesses")
COLUMNS = (*TableSpec.model_fields, *CDF_COLUMNS, *REUSE_COLUMNS)
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
    for together in (CDF_COLUMNS, REUSE_COLUMNS):
        if any(column in together for column in header):
            wanted += together
    return [column for column in wanted if column not in header]


def fold_access(table: dict[str, Any]) -> Iterator[CellError]:
    """Put columns of an access of their own together as a row's access, if any of them is filled.

    Yields what is wrong: some of them are empty, or the row has another access too.
    """
    for columns, what, folded in (
        (CDF_COLUMNS, "curve of accesses", _folded_cdf),
        (REUSE_COLUMNS, "reuse histogram", _folded_reuse),
    ):
        values = [table.pop(name) for name in columns if name in table]
        if not values:
            continue
        if "access" in table:
            yield CellError(f"has both an access and a {what}", "leave one of them empty")
        if len(values) < len(columns):
            message = f"has {len(values)} of {len(columns)} {columns[0].split('_')[0]} columns"
            yield CellError(message, "fill all or none")
            continue
        try:
            table["access"] = folded(values)
        except CellError as error:
            yield error


def _folded_reuse(bins: list[Any]) -> Any:
    return {"reuse": bins}


def _folded_cdf(columns: list[Any]) -> Any:
    rows, accesses = (each if isinstance(each, list) else [each] for each in columns)
    if len(rows) != len(accesses):
        message = f"has {len(rows)} cdf_rows and {len(accesses)} cdf_accesses"
        raise CellError(message, "each point of the curve has one of both")
    return {"cdf": [list(point) for point in zip(rows, accesses, strict=True)]}


def read_cell(column: str, text: str) -> Any:
    """The value of one cell of text; raises CellError."""
    if column in ("name", "module", "dtype", "ids", "dynamic", "pooling_type", "side"):
        return text
    if column == "weighted" and text in ("true", "false"):
        return text == "true"
    if column in ("features", "dtypes"):
        return [part.strip() for part in text.split(";")]
    if column == "padding":
        return _padding(text)
    if column == "quality_loss":
        return dict(_loss(part.strip(), "int8=0;int4=0.1%") for part in text.split(";"))
    if column == "prune":
        levels = [_loss(part.strip(), "60%=0.01") for part in text.split(";")]
        return [{"rows": _share(rows), "loss": loss} for rows, loss in levels]
    if column in ("pooling", "num_poolings", "cap", *CDF_COLUMNS) and ";" in text:
        return [_number(part.strip()) for part in text.split(";")]
    if column == "access":
        return _access(text)
    return _number(text)


def _access(text: str) -> Any:
    form, colon, argument = (part.strip() for part in text.partition(":"))
    if not colon:
        return text
    if form == "zipf":
        return {"zipf": _number(argument)}
    if form == "cdf":
        return {"cdf": [_point(part.strip()) for part in argument.split(";")]}
    forms = "uniform, zipf:1.05 or cdf:0.01=0.5;0.1=0.9"
    hint = "a reuse histogram has columns of its own" if form == "reuse" else ""
    raise CellError(f"must be {forms} (got {show(text)})", hint)


def _point(text: str) -> Any:
    rows, equals, accesses = (part.strip() for part in text.partition("="))
    if not equals:
        message = f"a point of a curve is two fractions, like 0.01=0.5 (got {show(text)})"
        raise CellError(message, "of the rows, hottest first, and of the accesses that they draw")
    return [_number(rows), _number(accesses)]


def _padding(text: str) -> Any:
    padded, colon, share = (part.strip() for part in text.partition(":"))
    if not colon:
        raise CellError(f"must be an id and its share, like 0:66% (got {show(text)})")
    return {"id": _number(padded), "share": share if share.endswith("%") else _number(share)}


def _loss(text: str, example: str) -> tuple[str, Any]:
    what, equals, loss = (part.strip() for part in text.partition("="))
    if not equals:
        raise CellError(f"must say what is lost, like {example} (got {show(text)})")
    return what, _share(loss)


def _share(text: str) -> Any:
    return text if text.endswith("%") else _number(text)


def _number(text: str) -> Any:
    try:
        return resolve(text)
    except ScalarError as error:
        raise CellError(str(error), error.hint) from None
