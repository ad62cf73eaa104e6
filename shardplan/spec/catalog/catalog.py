"""Where named topologies and cost models come from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.text.document import read_text
from shardplan.spec.validation.wording import did_you_mean, show

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SEARCH_PATH = "SHARDPLAN_PATH"
"""The environment variable with folders, each laid out like the project: ``topologies/``, ..."""

_SUFFIX = ".yaml"


class Kind(StrEnum):
    """What is looked up; the strings are the folders' names."""

    TOPOLOGY = "topologies"
    COST_MODEL = "cost_models"
    FRAMEWORK = "cost_models/frameworks"
    PUBLISHED = "published"

    @property
    def noun(self) -> str:
        """One of them, for messages."""
        return _NOUNS[self]


_NOUNS = {
    Kind.TOPOLOGY: "topology",
    Kind.COST_MODEL: "cost model",
    Kind.FRAMEWORK: "framework",
    Kind.PUBLISHED: "file of published steps",
}


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A file that was found: its name, what messages call it, and its text."""

    name: str
    file: str
    text: str


def find(kind: Kind, name: str, base: Path) -> CatalogEntry:
    """The file that a name or a path means; relative paths start at the folder ``base``.

    A name with a ``/`` or that ends in ``.yaml`` is a path. Other names are looked up in the
    folders of ``SHARDPLAN_PATH``, then among the shipped ones.

    Raises InputError, with a hint that names the nearest or lists all.
    """
    if is_path(name):
        path = base / name
        return CatalogEntry(path.stem, str(path), read_text(path, str(path)))
    known = _listing(kind)
    if name in known:
        return _read(name, known[name])
    hint = did_you_mean(name, known) or f"write its path, or set {SEARCH_PATH}"
    message = f"unknown {kind.noun} {show(name)}"
    raise InputError([Diagnostic(str(base), 0, 0, "", message, hint, code="unknown_name")])


def is_path(name: str) -> bool:
    """Whether a reference means a file, not a name of the catalog."""
    return "/" in name or name.endswith(_SUFFIX)


def names(kind: Kind) -> list[str]:
    """All names that ``find`` knows, sorted."""
    return list(_listing(kind))


def shipped(kind: Kind) -> Traversable:
    """The folder that comes with the package: inside it in a wheel, beside it in a checkout."""
    package = files("shardplan")
    inside = package / "_data" / kind.value
    beside = package.parent / kind.value if isinstance(package, Path) else inside
    for folder in (inside, beside):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"shardplan is installed without its folder {kind.value!r}")


def _listing(kind: Kind) -> dict[str, Traversable]:
    """Names to files, sorted by name; an earlier folder hides the same name in a later one."""
    found: dict[str, Traversable] = {}
    for folder in [*_searched(kind), shipped(kind)]:
        for file in folder.iterdir():
            if file.name.endswith(_SUFFIX) and file.is_file():
                found.setdefault(file.name.removesuffix(_SUFFIX), file)
    return dict(sorted(found.items()))


def _searched(kind: Kind) -> list[Traversable]:
    parts = [part for part in os.environ.get(SEARCH_PATH, "").split(os.pathsep) if part]
    folders = [os.path.join(part, kind.value) for part in parts]
    return [Path(f) for f in folders if os.path.isdir(f) and os.access(f, os.R_OK | os.X_OK)]


def _read(name: str, file: Traversable) -> CatalogEntry:
    if isinstance(file, Path):
        return CatalogEntry(name, str(file), read_text(file, str(file)))
    return CatalogEntry(name, str(file), file.read_text(encoding="utf-8"))
