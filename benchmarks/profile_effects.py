"""What becomes of data on the way to a profile and of a profile in a plan."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from shardplan.api import load, plan
from shardplan.profile.drift.plan_effect import under
from shardplan.profile.engine.duckdb_engine import DuckdbEngine
from shardplan.profile.sources.found import DataFormat, found_files
from shardplan.profile.sources.staging import staged
from shardplan.solve.settings import Settings
from shardplan.whatif.old_plan import cost_under

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_LINES, _DENSE, _SPARSE = 1_500_000, 13, 26
_LIMIT_SECONDS = 25.0
_ODD, _ALL = 2_654_435_761, 2**32
"""By which small ids become hashes of 32 bits, and none two the same."""
_MACHINES = {
    "room for all": ({"dim": 128}, {"hbm": "15%"}),
    "scarce memory": ({"dim": 512}, {"hbm": "70%"}),
}


@dataclass(frozen=True, slots=True)
class StagedText:
    """Lines made Parquet."""

    lines: int
    size_bytes: int
    cpu_seconds: float
    values: int
    wrong: int
    """Values that are not those of the lines, nulls among them."""


def staged_text(day: Path, folder: Path) -> StagedText:
    """Write lines like Criteo's from a day's columns, stage them, and compare all values."""
    text = folder / "criteo.txt"
    source = f"(select * from read_parquet('{day}', file_row_number=true) limit {_LINES})"
    dense = [f"nullif((cat_{n} % 1000) - 2, 7) as I{n + 1}" for n in range(_DENSE)]
    sparse = [f"(cat_{n}::BIGINT * {_ODD} % {_ALL}) as C{n + 1}" for n in range(_SPARSE)]
    connection = duckdb.connect()
    columns = ", ".join(["cat_5::INTEGER as label", *dense, *sparse])
    connection.execute(f"create table truth as select {columns} from {source}")
    hexes = ", ".join(f"printf('%08x', C{n + 1}) as C{n + 1}" for n in range(_SPARSE))
    numbers = ", ".join(["label", *(f"I{n + 1}" for n in range(_DENSE))])
    connection.execute(
        f"copy (select coalesce(label, 0), {numbers[7:]}, {hexes} from truth) to '{text}' "
        "(delimiter '\t', header false, quote '', escape '')"
    )
    (file,) = found_files([str(text)], DataFormat.CRITEO, None)
    for old in folder.glob("staged/*"):
        old.unlink()
    target, scratch = folder / "staged", folder / "spill"
    target.mkdir(exist_ok=True)
    scratch.mkdir(exist_ok=True)
    engine = DuckdbEngine(scratch)
    begun = time.process_time()
    path = staged(file, target, scratch, engine)
    seconds = time.process_time() - begun
    names = [f"I{n + 1}" for n in range(_DENSE)] + [f"C{n + 1}" for n in range(_SPARSE)]
    differ = ", ".join(f"count(*) filter (a.{each} is distinct from b.{each})" for each in names)
    lines, *wrong = connection.execute(
        f"select count(*), {differ} from truth a positional join read_parquet('{path}') b"
    ).fetchone() or (0,)
    return StagedText(lines, file.size_bytes, seconds, lines * len(names), sum(wrong))


def off_by_sample(outputs: Mapping[int, Path]) -> Iterator[tuple[str, int, float]]:
    """By machine and share: how much longer the step of one plan is by a sample's tables.

    ``outputs`` are tables by the percentage of the data that they are from; the plan is that of
    all.
    """
    for name, (defaults, reserve) in _MACHINES.items():
        cases = {
            share: load(
                {
                    "topology": {"name": "dgx-h100", "nodes": 1},
                    "batch": {"global": 65_536},
                    "defaults": defaults,
                    "reserve": reserve,
                    "tables_file": str(path.resolve()),
                }
            )
            for share, path in outputs.items()
        }
        whole = cases.pop(100)
        found = plan(whole, Settings(time_limit_seconds=_LIMIT_SECONDS))
        step = cost_under(found, whole, whole).step_seconds
        for share, case in cases.items():
            told = cost_under(found, whole, under(whole, case.spec.tables)).step_seconds
            yield name, share, (told or 0.0) / (step or 1.0) - 1


def half_days(day: Path, folder: Path) -> list[Path]:
    """Every second sample of a day, and the others."""
    found = []
    for half in range(2):
        path = folder / f"half_{half}.parquet"
        duckdb.execute(
            f"copy (select * exclude (file_row_number) from read_parquet('{day}', "
            f"file_row_number=true) where file_row_number % 2 = {half}) to '{path}'"
        )
        found.append(path)
    return found
