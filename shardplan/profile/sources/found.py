"""Files of samples, by paths, patterns and URLs, with their days."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from shardplan.profile.storage import refused, storage_of, unpacked

if TYPE_CHECKING:
    from collections.abc import Sequence

_CRITEO_COLUMNS = (39, 40)
_SIGNS = "*?["
"""Of patterns."""


class DataFormat(StrEnum):
    """How samples are written."""

    PARQUET = "parquet"
    ARROW = "arrow"
    CRITEO = "criteo"
    CSV = "csv"
    JSON = "jsonl"


_BY_ENDING = {
    ".parquet": DataFormat.PARQUET,
    ".arrow": DataFormat.ARROW,
    ".feather": DataFormat.ARROW,
    ".ipc": DataFormat.ARROW,
    ".csv": DataFormat.CSV,
    ".tsv": DataFormat.CSV,
    ".json": DataFormat.JSON,
    ".jsonl": DataFormat.JSON,
    ".ndjson": DataFormat.JSON,
}


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of samples."""

    path: str
    size_bytes: int
    modified: str
    """Whatever the storage says of when; with the size it tells a file from a later one."""
    form: DataFormat
    day: str = ""
    """What its path says of the day; empty where nothing does."""

    @property
    def is_tabbed(self) -> bool:
        """Whether tabs part its values."""
        return self.form is DataFormat.CRITEO or _ending_of(self.path) == ".tsv"


def found_files(
    patterns: Sequence[str], form: DataFormat | None = None, day_pattern: str | None = None
) -> tuple[DataFile, ...]:
    """The files that paths, globs, folders and URLs name, days and then names ascending.

    What the star of a ``day_pattern`` such as ``day_*`` or ``dt=*`` stands for in a path is its
    day. Raises InputError where a pattern names none, a file has no such day, or its format is not
    to be told.
    """
    files = [_described(path, form, day_pattern) for path in found_paths(patterns)]
    return tuple(sorted(files, key=lambda file: (natural(file.day), natural(file.path))))


def found_paths(patterns: Sequence[str]) -> tuple[str, ...]:
    """The same files as paths, each once by whatever spellings it is named.

    Raises InputError where a pattern names none.
    """
    paths: dict[str, str] = {}
    for path in (path for pattern in patterns for path in _named(pattern)):
        paths.setdefault(path if "://" in path else os.path.realpath(path), path)
    return tuple(paths.values())


def _named(pattern: str) -> list[str]:
    protocol, storage = storage_of(pattern)
    prefix = "" if protocol == "file" else f"{protocol}://"
    bare = pattern.removeprefix(f"{protocol}://")
    if storage.isdir(bare):
        found = storage.find(bare)
    elif storage.exists(bare):  # Though its name may look like a pattern.
        found = [bare]
    else:
        found = storage.glob(bare) if any(sign in bare for sign in _SIGNS) else []
    files = [path for path in found if storage.isfile(path) and _is_data(path)]
    if not files:
        raise refused(pattern, *_nothing(storage, bare))
    named = [f"{prefix}{path.lstrip('/')}" if prefix else path for path in files]
    return sorted(named, key=natural)


def _nothing(storage: Any, path: str) -> tuple[str, str]:
    """What is wrong with a path or pattern of no files, and what helps."""
    if storage.isdir(path):
        return "is a folder without data", "names that begin with . or _ are no data"
    if storage.exists(path):
        return "is no file of data", "pipes are none, nor names that begin with . or _"
    if any(sign in path for sign in _SIGNS):
        return "matches no file", "quote a glob, so that no shell expands it"
    return "does not exist", ""


def _is_data(path: str) -> bool:
    return not path.rsplit("/", 1)[-1].startswith((".", "_"))


def _described(path: str, form: DataFormat | None, day_pattern: str | None) -> DataFile:
    _, storage = storage_of(path)
    about = storage.info(path)
    when = str(about.get("mtime") or about.get("LastModified") or about.get("created") or "")
    day = ""
    if day_pattern is not None:
        inner = re.escape(day_pattern).replace(r"\*", "([^/._]+)")
        if not (hits := re.findall(inner, path)):
            raise refused(path, f"has no day: its path does not match {day_pattern}")
        # Folders above may match too; what lies nearest to the file says its day.
        day = hits[-1] if isinstance(hits[-1], str) else hits[-1][0]
    return DataFile(path, int(about["size"]), when, form or format_of(path), day)


def format_of(path: str) -> DataFormat:
    """By its ending, or else by its first line."""
    ending = _ending_of(path)
    if ending in _BY_ENDING and ending != ".tsv":
        return _BY_ENDING[ending]
    with unpacked(path) as lines:
        first = lines.readline(1 << 20).rstrip(b"\r\n").split(b"\t")
    if len(first) in _CRITEO_COLUMNS and all(len(cell) in (0, 8) for cell in first[-26:]):
        return DataFormat.CRITEO
    if ending in _BY_ENDING:
        return _BY_ENDING[ending]
    hint = f"say which by --format: {', '.join(DataFormat)}"
    raise refused(path, "its format cannot be told from its name", hint)


def _ending_of(path: str) -> str:
    return "." + path.removesuffix(".gz").removesuffix(".zst").rsplit(".", 1)[-1]


def natural(text: str) -> list[tuple[int, str]]:
    """A key by which numbers are in their order: day_2 comes before day_10."""
    parts = re.split(r"(\d+)", text)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
