"""From files to a profile: find them, stage text, take a sample, count."""

from __future__ import annotations

import importlib.util
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.profile.reporter import ProfileReporter

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from shardplan.profile.count.kept_counts import KeptCounts
    from shardplan.profile.engine.engine import Engine
    from shardplan.profile.features.table_rule import TableRule
    from shardplan.profile.sources.found import DataFile, DataFormat
    from shardplan.profile.tables.profile import Profile
    from shardplan.profile.tables.table_profile import Asked

_NEEDS = {
    "duckdb": ("profile", ("duckdb", "narwhals", "pyarrow", "fsspec")),
    "spark": ("profile-spark", ("duckdb", "narwhals", "pyarrow", "fsspec", "pyspark")),
    "ray": ("profile-ray", ("duckdb", "narwhals", "pyarrow", "fsspec", "daft", "ray")),
}
"""The extra that brings what an engine needs."""
ENGINES = tuple(_NEEDS)
_BATCHES = 16
"""That are looked at as they lie in the files."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read."""

    engine: str = "duckdb"
    options: Mapping[str, str] = field(default_factory=dict)
    form: DataFormat | None = None
    day: str | None = None
    """A column, or a pattern of paths such as ``day_*``."""
    nulls: tuple[str, ...] = ()
    memory_bytes: int | None = None
    work: str | None = None
    """A folder that keeps what text was staged to, so that a later run goes on."""
    keep: str | None = None
    """A folder that keeps counts as well, of each day, or of each file where paths tell none."""


def check_installed(engine: str) -> None:
    """Raise InputError where what an engine needs is not installed."""
    extra, modules = _NEEDS[engine]
    if missing := [name for name in modules if importlib.util.find_spec(name) is None]:
        message = f"profile with --engine {engine} needs {', '.join(missing)}"
        hint = f"pip install 'shardplan[{extra}]'"
        raise InputError([Diagnostic("", 0, 0, "", message, hint, code="file")])


def profile_files(
    patterns: Sequence[str],
    asked: Asked,
    reading: Reading | None = None,
    rules: Sequence[TableRule] = (),
    *,
    hot: int = 0,
    old_hot: Mapping[str, NDArray[np.int64]] | None = None,
    looks_for_merging: bool = False,
    reporter: ProfileReporter | None = None,
) -> Profile:
    """The profile of all samples in files, or of the share of them that is asked for.

    Raises InputError for files that cannot be read, with the line of text where one is at fault.
    """
    reading = reading or Reading()
    check_installed(reading.engine)
    import duckdb

    from shardplan.profile.engine import spark_engine
    from shardplan.profile.storage import no_room

    if reading.engine == "spark":
        spark_engine.check_options(reading.options)

    with ExitStack() as stack:
        folder, scratch = _folders(reading, stack)
        try:
            return _Files(patterns, asked, reading, rules, folder, scratch).profile(
                hot, old_hot, looks_for_merging, reporter or ProfileReporter()
            )
        except (duckdb.Error, OSError) as error:
            if (full := no_room(scratch.parent, error)) is not None:
                raise full from None
            if isinstance(error, OSError):
                raise
            message = str(error).partition("\n")[0]
            hint = "more --memory, or room on the disk of --work" if "Memory" in message else ""
            fault = Diagnostic(patterns[0], 0, 0, "", f"duckdb: {message}", hint, code="data")
            raise InputError([fault]) from None


def _folders(reading: Reading, stack: ExitStack) -> tuple[Path, Path]:
    """For what text was staged to, and for what is nobody's once this run ends in any way."""
    from shardplan.files import faults_named, make_folder
    from shardplan.scratch_folder import ScratchFolder

    for each in filter(None, (reading.work, reading.keep)):
        make_folder(each)
    named = reading.work or reading.keep
    with faults_named(named or gettempdir()):
        scratch = ScratchFolder(None if named is None else Path(named))
    stack.callback(scratch.remove)
    return scratch.path if named is None else Path(named), scratch.path


class _Files:
    """The steps, with what they share."""

    def __init__(
        self,
        patterns: Sequence[str],
        asked: Asked,
        reading: Reading,
        rules: Sequence[TableRule],
        folder: Path,
        scratch: Path,
    ) -> None:
        from shardplan.profile.engine.duckdb_engine import DuckdbEngine
        from shardplan.profile.sources.found import found_files

        self._patterns = tuple(patterns)
        self._asked = asked
        self._reading = reading
        self._rules = rules
        self._folder = folder
        self._scratch = scratch
        self._day_column = None if "*" in (reading.day or "*") else reading.day
        pattern = reading.day if self._day_column is None else None
        self._files = found_files(patterns, reading.form, pattern)
        options = reading.options if reading.engine == "duckdb" else {}
        self._duckdb = DuckdbEngine(scratch, reading.memory_bytes, options=options)

    def profile(
        self,
        hot: int,
        old_hot: Mapping[str, NDArray[np.int64]] | None,
        looks_for_merging: bool,
        reporter: ProfileReporter,
    ) -> Profile:
        """All of them in turn."""
        from shardplan.profile.make_profile import Samples, by_day, make_profile
        from shardplan.profile.sources.schemas import check_schemas
        from shardplan.profile.sources.staging import odd_columns

        staged = list(self._staged(reporter))
        check_schemas(staged)
        counts = [(path, _samples(path)) for _, path in staged]
        days = self._sampled(staged, counts)
        engine = self._engine()
        frames = tuple((day, engine.samples(paths)) for day, paths in days.items())
        if self._day_column is not None:
            frames = by_day(frames[0][1], self._day_column)
        numbers = (*self._dense(), *filter(None, [self._day_column]))
        remarks = tuple(line for _, path in staged for line in odd_columns(path))
        if gone := dict.fromkeys(file.day for file, _ in staged if file.day not in days):
            remarks += (f"no batch of {', '.join(gone)} is in the sample: skew is of other days",)
        known = self._dictionaries(staged)
        kept = self._kept(staged, engine)
        samples = Samples(engine, frames, self._patterns, known, numbers, remarks, kept)
        batches = self._batches(staged, counts, [day for day, _ in frames])
        return make_profile(
            samples, self._asked, self._rules, batches,
            hot=hot, old_hot=old_hot, looks_for_merging=looks_for_merging, reporter=reporter,
        )  # fmt: skip

    def _kept(self, staged: Sequence[tuple[DataFile, str]], engine: Engine) -> KeptCounts | None:
        """Counts by days, or by files where paths tell no days."""
        if self._reading.keep is None:
            return None
        from shardplan.profile.count.kept_counts import KeptCounts, Part

        days = list(dict.fromkeys(file.day for file, _ in staged))
        together: dict[str, list[tuple[DataFile, str]]] = {}
        for file, path in staged:
            together.setdefault(file.day or file.path, []).append((file, path))
        parts = [
            Part(
                repr((self._reading.nulls, [file for file, _ in each])),
                days.index(each[0][0].day),
                engine.samples([path for _, path in each]),
            )
            for each in together.values()
        ]
        return KeptCounts(Path(self._reading.keep), engine, parts)

    def _staged(self, reporter: ProfileReporter) -> Iterator[tuple[DataFile, str]]:
        from shardplan.profile.sources.staging import staged

        all_bytes = sum(file.size_bytes for file in self._files)
        done, whole = 0, (self._day_column,) if self._day_column else ()
        for file in self._files:
            reporter.reading(file.path, done, all_bytes)
            yield (
                file,
                staged(file, self._folder, self._scratch, self._duckdb, self._reading.nulls, whole),
            )
            done += file.size_bytes

    def _sampled(
        self, staged: Sequence[tuple[DataFile, str]], counts: Sequence[tuple[str, int]]
    ) -> dict[str, list[str]]:
        """Paths by day; of a sample, of files that hold it alone."""
        from shardplan.profile.sources.blocks import by_path, spread_blocks, write_sample

        share = self._asked.sample_share
        days: dict[str, list[str]] = {}
        if share >= 1:
            for file, path in staged:
                days.setdefault(file.day, []).append(path)
            return days
        blocks = by_path(spread_blocks(counts, self._asked.batch, share=share))
        if not blocks:
            message = f"no file has a batch of {self._asked.batch:,} samples to sample"
            hint = "a sample is of whole batches: --batch"
            raise InputError([Diagnostic("--sample", 0, 0, "", message, hint, code="data")])
        for number, (file, path) in enumerate(staged):
            if inside := blocks.get(path):
                target = self._scratch / f"sample-{number}.parquet"
                write_sample(inside, target)
                days.setdefault(file.day, []).append(str(target))
        return days

    def _engine(self) -> Engine:
        match self._reading.engine:
            case "spark":
                from shardplan.profile.engine.spark_engine import SparkEngine

                return SparkEngine(self._reading.options)
            case "ray":
                from shardplan.profile.engine.ray_engine import RayEngine

                return RayEngine(self._reading.options)
            case _:
                return self._duckdb

    def _dictionaries(self, staged: Sequence[tuple[DataFile, str]]) -> Collection[str]:
        """Columns of text, and Criteo's hashes."""
        from shardplan.profile.sources.found import DataFormat
        from shardplan.profile.sources.parsing import CRITEO_SPARSE
        from shardplan.profile.sources.staging import text_columns

        found: set[str] = set()
        for file, path in staged:
            if file.form is DataFormat.CRITEO:
                found |= {f"C{n}" for n in range(1, CRITEO_SPARSE + 1)}
            elif file.form is not DataFormat.PARQUET:
                found |= text_columns(path)
        return found

    def _dense(self) -> Collection[str]:
        """Columns of Criteo's that are no ids."""
        from shardplan.profile.sources.found import DataFormat
        from shardplan.profile.sources.parsing import CRITEO_DENSE

        if any(file.form is not DataFormat.CRITEO for file in self._files):
            return ()
        return ("label", *(f"I{n}" for n in range(1, CRITEO_DENSE + 1)))

    def _batches(
        self,
        staged: Sequence[tuple[DataFile, str]],
        counts: Sequence[tuple[str, int]],
        days: Sequence[str],
    ) -> Callable[[Collection[str]], Iterator[pa.Table]]:
        """Of the days that skew is of, as their ids are."""
        from shardplan.profile.count.skew_range import skew_range
        from shardplan.profile.sources.blocks import read_blocks, spread_blocks
        from shardplan.profile.sources.day_runs import blocks_of_days

        batch = self._asked.batch
        samples = dict.fromkeys(days, 0 if self._day_column is None else 1)
        for (file, _), (_, count) in zip(staged, counts, strict=True):
            if file.day in samples:
                samples[file.day] += count
        skew = skew_range(tuple(samples.values()), self._asked.skew_days)
        last = {days[number] for number in skew}
        if self._day_column is not None:
            paths = [path for _, path in staged]
            blocks = blocks_of_days(paths, self._day_column, last, batch, _BATCHES)
        else:
            inside = {path for file, path in staged if file.day in last}
            counts = [each for each in counts if each[0] in inside]
            blocks = spread_blocks(counts, batch, most=_BATCHES)
        return lambda columns: read_blocks(blocks, sorted(columns))


def _samples(path: str) -> int:
    from shardplan.profile.sources.blocks import samples_of

    return samples_of(path)
