"""The keys of a cost-model file that are for dense layers alone: found, filled in, left out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from shardplan.cost.profile.gemm_file import GridFile
from shardplan.cost.profile.grid_table import read_grid
from shardplan.errors import InputError
from shardplan.spec.catalog.catalog import Kind, shipped
from shardplan.spec.text.document import Document, read_text
from shardplan.spec.text.place import Place
from shardplan.spec.validation.validation import validate
from shardplan.spec.validation.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.cost.profile.profile_file import ProfileFile
    from shardplan.spec.catalog.source import Source

_KEYS = ("gemm", "elementwise")
_FIRST_LINE = Place(1, 1, 1, 1)
"""Of a grid's file, where the sizes of k stand; those of m and n go down from there."""


def with_grid(file: ProfileFile, source: Source, base: Path) -> tuple[ProfileFile, dict[str, Any]]:
    """The same with measured products in place of the name of their file, and its plain values.

    The name is relative to the cost model's own file, or to ``base`` where a spec holds the cost
    model; a file that is not there may be one of those that come with shardplan. Raises
    InputError.
    """
    value: dict[str, Any] = source.value
    if file.gemm is None or file.gemm.grid is None or file.gemm.grid.file is None:
        return file, value
    name = file.gemm.grid.file
    text = _text(name, base if source.at else Path(source.document.file).parent)
    if text is None:
        message, hint = f"there is no file {show(name)}", "write its path from the cost model's own"
        path = (*source.at, "gemm", "grid", "file")
        raise InputError([source.document.diagnostic(path, message, hint, "file")])
    written = value["gemm"]["grid"]
    grid = read_grid(text, name) | {key: written[key] for key in written if key != "file"}
    read = validate(GridFile, Document(grid, name, _FIRST_LINE))
    gemm = file.gemm.model_copy(update={"grid": read})
    return (
        file.model_copy(update={"gemm": gemm}),
        value | {"gemm": value["gemm"] | {"grid": grid}},
    )


def _text(name: str, folder: Path) -> str | None:
    """Of a file, there or among the shipped ones; None where it is in neither place."""
    if (folder / name).is_file():
        return read_text(folder / name, str(folder / name))
    entry = shipped(Kind.COST_MODEL)
    for part in Path(name).parts:
        if part in ("..", "/"):
            return None
        entry = entry / part
    return entry.read_text(encoding="utf-8") if entry.is_file() else None


def without_dense(value: dict[str, Any]) -> dict[str, Any]:
    """A cost model's plain values without what only dense layers ask for, sources included."""
    dropped = {key: value[key] for key in _KEYS if key in value}
    if not dropped:
        return value
    kept = {key: part for key, part in value.items() if key not in _KEYS}
    unnamed = set(_sources(dropped)) - set(_sources(kept))
    if "sources" in kept:
        kept["sources"] = {k: text for k, text in kept["sources"].items() if k not in unnamed}
    return kept


def _sources(part: Any) -> Iterator[str]:
    """The keys of sources that figures name."""
    if isinstance(part, dict):
        named = part.get("source")
        if isinstance(named, str):
            yield named
        for inner in part.values():
            yield from _sources(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _sources(inner)
