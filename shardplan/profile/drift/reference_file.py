"""The file beside a profile's tables that later data is held against."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.profile.arrow import parquet_bytes, read_parquet
from shardplan.profile.drift.reference import Reference, rare_reads_of
from shardplan.profile.frequencies import Frequencies

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_COLUMNS = ("table", "part", "id", "count")
_PARTS = ("frequencies", "hot", "sample")
_RECENT = "recent"
"""The part of tables whose skew is not of all days: frequencies of those that it is of."""
_KEY = "shardplan.reference"
_VERSION = "1.0"


def reference_path(tables: Path) -> Path:
    """Where the references of a file of tables lie: ``day.yaml`` has ``day.reference.parquet``."""
    return tables.with_suffix(".reference.parquet")


def references_data(references: Mapping[str, Reference]) -> bytes:
    """The contents of a Parquet file with the references of tables, by name, in their order.

    A row is a number of reads and how many ids have it (part ``frequencies``), or an id and how
    often it was read on the days that skew is of (``hot`` and ``sample``). Where these are not all,
    the part ``recent`` has their frequencies. Raises InputError where pyarrow is missing.
    """
    tables, parts, ids, counts = [], [], [], []
    for name, reference in references.items():
        each, recent = reference.frequencies, reference.recent
        held = [
            ("frequencies", each.reads, each.ids),
            ("hot", reference.hot_ids, reference.hot_counts),
            ("sample", reference.sample_ids, reference.sample_counts),
        ]
        if recent is not each:
            held.append((_RECENT, recent.reads, recent.ids))
        for part, at, count in held:
            tables += [name] * len(at)
            parts += [part] * len(at)
            ids.append(at)
            counts.append(count)
    none = [np.zeros(0, np.int64)]
    columns = (tables, parts, np.concatenate(ids or none), np.concatenate(counts or none))
    said = {name: each.one_in for name, each in references.items()}
    rare = {
        name: each.of_rare_ids
        for name, each in references.items()
        if each.recent is not each.frequencies
    }
    described = json.dumps({"format_version": _VERSION, "one_in": said, _RECENT: rare})
    return parquet_bytes(dict(zip(_COLUMNS, columns, strict=True)), {_KEY: described})


def read_references(path: Path) -> dict[str, Reference]:
    """The references of a file by table; raises InputError for what is no such file."""
    columns, metadata = read_parquet(path, _COLUMNS)
    try:
        said = json.loads(metadata[_KEY])
        one_in = {str(k): int(v) for k, v in said["one_in"].items()}
        rare = said.get(_RECENT, {})  # Files from before it was written lack it.
        return {
            name: _reference(columns, name, each, rare.get(name)) for name, each in one_in.items()
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        message = "is no file of references"
        hint = "`shardplan profile` writes it beside the tables"
        raise InputError([Diagnostic(str(path), 0, 0, "", message, hint, code="file")]) from None


def _reference(
    columns: dict[str, NDArray[np.generic]], name: str, one_in: int, rare: list[int] | None
) -> Reference:
    of_table = columns["table"] == name
    found = []
    for part in (*_PARTS, _RECENT):
        rows = of_table & (columns["part"] == part)
        found += [columns[each][rows].astype(np.int64) for each in ("id", "count")]
    reads, ids, hot_ids, hot_counts, sample_ids, sample_counts, *last = found
    frequencies = recent = Frequencies(reads, ids)
    of_rare_ids = rare_reads_of(frequencies)
    if rare is not None:
        recent, of_rare_ids = Frequencies(*last), (int(rare[0]), int(rare[1]))
    return Reference(
        frequencies, hot_ids, hot_counts, sample_ids, sample_counts, one_in, recent, of_rare_ids
    )
