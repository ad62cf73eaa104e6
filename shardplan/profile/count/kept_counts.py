"""Counts that are kept in a folder, so that more data is counted without the old."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from shardplan.profile.count.feature_counts import FeatureCounts, added, feature_counts
from shardplan.profile.count.id_counts import DAY, id_counts, later_reads, rare_together, sums
from shardplan.profile.features.id_mapping import IdMapping

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shardplan.profile.engine.engine import Engine, Frame
    from shardplan.profile.features.table_rule import TableRule

_VERSION = 1
"""Of what is kept; what another one kept is counted again."""
_FEATURES = "_features.json"
_COUNTED = ("column", "missing", "padding", "truncate", "keep")
"""What of a feature's rule decides its counts."""


@dataclass(frozen=True, slots=True)
class Part:
    """Samples of one day, or of one file, that are counted together."""

    identity: str
    """Tells them from all others, and from the same files with other contents."""
    day: int
    frame: Frame


class KeptCounts:
    """Of each table and part, ids with their reads and the lengths of features; sums of them are
    what all parts counted at once give, whole number by whole number."""

    def __init__(self, folder: Path, engine: Engine, parts: Sequence[Part]) -> None:
        self._folder = folder
        self._engine = engine
        self._parts = tuple(parts)

    def id_counts(self, rule: TableRule, days: int) -> Frame:
        """As :func:`id_counts` gives them, of all parts."""
        frames = []
        for part in self._parts:
            files = sorted(str(each) for each in self._kept(rule, part).glob("*.parquet"))
            day = nw.lit(part.day).cast(nw.Int64).alias(DAY)
            frames.append(self._engine.samples(files).select("id", "reads", day))
        together = self._engine.joined(frames) if len(frames) > 1 else frames[0]
        reads = nw.col("reads")
        of_days = [
            nw.when(nw.col(DAY) == day).then(reads).otherwise(0).sum().cast(nw.Int64)
            .alias(later_reads(day))
            for day in range(1, days)
        ]  # fmt: skip
        counts = together.group_by("id").agg(reads.sum().cast(nw.Int64).alias("reads"), *of_days)
        return rare_together(counts, rule, days)

    def feature_counts(self, rule: TableRule) -> list[FeatureCounts]:
        """The same of the features of a table."""
        found = [_read(self._kept(rule, part) / _FEATURES, rule) for part in self._parts]
        return [added(each) for each in zip(*found, strict=True)]

    def _kept(self, rule: TableRule, part: Part) -> Path:
        """The folder with the counts of a part, which is counted where there is none."""
        target = self._folder / f"{_key(rule, part)}.counts"
        if target.exists():
            return target
        half = target.with_suffix(f".{os.getpid()}.half")
        try:
            self._count(rule, part, half)
            os.replace(half, target)
        finally:
            shutil.rmtree(half, ignore_errors=True)
        return target

    def _count(self, rule: TableRule, part: Part, folder: Path) -> None:
        columns = sorted({feature.column for feature in rule.features})
        samples = part.frame.select(*columns, nw.lit(0).cast(nw.Int64).alias(DAY))
        # Which ids of a dictionary are rare, only all parts together tell.
        mapping = IdMapping(rule.mapping.kind) if rule.mapping.has_rare else rule.mapping
        each = rule.model_copy(update={"mapping": mapping})
        counts = id_counts(samples, each, 1, self._engine).select("id", "reads")
        self._engine.write(counts, folder)
        if not any(folder.glob("*.parquet")):  # An engine may write no file of no ids.
            none = pa.array([], pa.int64())
            parquet.write_table(pa.table({"id": none, "reads": none}), folder / "0.parquet")
        kept = self._engine.samples(sorted(map(str, folder.glob("*.parquet"))))
        if not mapping.is_dictionary:
            kept = kept.filter(nw.col("id") >= 0)
        (looked_up,) = sums(kept, [nw.col("reads").sum().alias("reads")])
        found = feature_counts(samples, each, self._engine, looked_up)
        said = [_plain(counted) for counted in found]
        (folder / _FEATURES).write_text(json.dumps(said), encoding="utf-8")


def _key(rule: TableRule, part: Part) -> str:
    features = [[getattr(each, name) for name in _COUNTED] for each in rule.features]
    number = 1 if rule.mapping.has_rare else rule.mapping.number
    said = repr((_VERSION, part.identity, features, rule.mapping.kind.value, number))
    return hashlib.sha256(said.encode()).hexdigest()[:24]


def _plain(counted: FeatureCounts) -> dict[str, Any]:
    said = asdict(counted)
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in said.items()}


def _read(path: Path, rule: TableRule) -> list[FeatureCounts]:
    found = []
    for said, feature in zip(json.loads(path.read_text("utf-8")), rule.features, strict=True):
        held = {each.name: said[each.name] for each in fields(FeatureCounts)}
        arrays = {name: np.array(held[name], np.int64) for name in ("lengths", "samples")}
        found.append(FeatureCounts(**held | arrays | {"feature": feature.feature}))
    return found
