"""What ``shardplan profile`` wrote, held against numpy's own counts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
from numpy_counts import NumpyCounts, counted, frequencies, rarefied
from pyarrow import parquet

from shardplan.api import load
from shardplan.workload.access import Uniform

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa
    from moving_days import MadeTable

    from shardplan.spec.tables.table_spec import TableSpec

_PRIME, _FACTOR = 2**31 - 1, 48_271
"""Of the sample of ids in a reference, as its page describes it."""
_HOT = 1_000
_MOST_SAMPLED = 2**16
SPREAD = (0.125, 1.0, 16.0)
"""Batches at which distinct rows are compared."""


@dataclass(slots=True)
class Checked:
    """How far what was written is off."""

    whole_numbers: int = 0
    """That were compared."""
    wrong: list[str] = field(default_factory=list)
    """Those that are other than numpy's."""
    worst_float: float = 0.0
    """Relative."""
    worst_rows: float = 0.0
    """Distinct rows of a batch by the written access, relative to exact rarefaction."""
    worst_table: str = ""

    def whole(self, name: str, told: object, truth: object) -> None:
        """Compare numbers, or lists of them."""
        told, truth = np.asarray(told, np.int64), np.asarray(truth, np.int64)
        self.whole_numbers += truth.size
        if told.shape != truth.shape or (told != truth).any():
            self.wrong.append(name)

    def real(self, told: float | None, truth: float | None) -> None:
        """Compare two floats; what is written is rounded to nine digits behind the point."""
        if told is None or truth is None:
            self.worst_float = max(self.worst_float, 0.0 if told is truth else 1.0)
        else:
            self.worst_float = max(self.worst_float, abs(told - truth) / max(abs(truth), 1.0))


def checked(tables: Sequence[MadeTable], days: Sequence[Path], output: Path, batch: int) -> Checked:
    """Compare every table of a profile that lies at ``output``."""
    found = Checked()
    document = json.loads(output.with_suffix(".profile.json").read_text(encoding="utf-8"))
    told = {each["name"]: each for each in document["tables"]}
    specs = {each.name: each for each in written_tables(output)}
    reference = parquet.read_table(output.with_suffix(".reference.parquet"))
    for table in tables:
        truth = counted(days, table.name, table.rows)
        _numbers(found, told[table.name], truth, batch)
        kept = reference.filter(pc.equal(reference["table"], table.name))
        _reference(found, kept, truth, table.name)
        _access(found, specs[table.name], truth, batch)
    return found


def written_tables(output: Path) -> Sequence[TableSpec]:
    """As ``solve`` reads them."""
    spec = {"topology": {"name": "dgx-h100"}, "batch": {"local": 1}, "defaults": {"dim": 8}}
    return load({**spec, "tables_file": str(output.resolve())}).spec.tables


def _numbers(found: Checked, told: dict[str, Any], truth: NumpyCounts, batch: int) -> None:
    name = told["name"]
    reads, ids = frequencies(truth.reads)
    found.whole(f"{name}: frequencies", told["frequencies"]["reads"], reads)
    found.whole(f"{name}: ids of frequencies", told["frequencies"]["ids"], ids)
    found.whole(f"{name}: rows touched", told["rows_touched"], np.count_nonzero(truth.reads))
    found.whole(f"{name}: read once", told["rows_read_once"], np.count_nonzero(truth.reads == 1))
    found.whole(f"{name}: largest id", told["largest_id"], np.flatnonzero(truth.reads)[-1])
    found.whole(f"{name}: accesses", told["accesses"], sum(truth.accesses))
    days = [[each["accesses"], each["rows_touched"]] for each in told["days"]]
    found.whole(f"{name}: days", days, list(zip(truth.accesses, truth.touched, strict=True)))
    hot = [[each["id"], each["reads"]] for each in told["hot"]]
    found.whole(f"{name}: hot", hot, truth.hottest(len(hot)))
    (feature,) = told["features"]
    lengths = np.flatnonzero(truth.lengths)
    found.whole(f"{name}: lengths", feature["lengths"]["ids"], lengths)
    found.whole(f"{name}: samples", feature["lengths"]["samples"], truth.lengths[lengths])
    found.whole(f"{name}: missing", feature["missing"], truth.missing)
    found.real(feature["pooling_mean"], truth.pooling)
    found.real(feature["pooling_variance"], truth.variance)
    found.real(told["id_order_correlation"], truth.order_correlation)
    found.real(told["distinct_rows_of_a_batch"], rarefied(truth.last, batch * truth.pooling))


def _reference(found: Checked, kept: pa.Table, truth: NumpyCounts, name: str) -> None:
    parts = {}
    for part in ("hot", "sample"):
        rows = kept.filter(pc.equal(kept["part"], part))
        parts[part] = np.stack([rows["id"].to_numpy(), rows["count"].to_numpy()], axis=1)
    found.whole(f"{name}: reference, hot", parts["hot"], truth.hottest(_HOT))
    ids = np.flatnonzero(truth.reads)
    one_in = 1 << max(0, int(np.ceil(np.log2(len(ids) / _MOST_SAMPLED))))
    ids = ids[ids % _PRIME * _FACTOR % _PRIME % one_in == 0]
    truth_ = np.stack([ids, truth.last[ids]], axis=1)
    found.whole(f"{name}: reference, sample", parts["sample"], truth_)


def _access(found: Checked, spec: TableSpec, truth: NumpyCounts, batch: int) -> None:
    """Of the last day, as the access is."""
    access = spec.access or Uniform()
    told = access.distribution(spec.rows, truth.pooling)
    accesses = truth.accesses[-1]
    for times in SPREAD:
        draws = times * batch * truth.pooling
        if draws <= accesses:
            off = abs(told.unique_rows(draws) / rarefied(truth.last, draws) - 1)
            if off > found.worst_rows:
                found.worst_rows, found.worst_table = off, f"{spec.name}, {times:g} batches"
