"""``shardplan profile`` on large data: right numbers, CPU seconds, memory, what plans make of it.

    python benchmarks/profiled.py FOLDER --part wide --part long -o docs/performance

makes the data in FOLDER, where it is not there yet (5 GB for all parts), and adds what it finds to
``profiled.json``.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from moving_days import DAYS, made_tables, write_days
from profile_checks import checked
from profile_effects import half_days, off_by_sample, staged_text
from profile_figures import HEADER, Figure, as_lines, read_figures
from report import as_markdown
from whole_command import Ended, run_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moving_days import MadeTable

ROOT = Path(__file__).parents[1]
BATCH = 65_536
_LONG = (10, 21, 22)
"""Of the features, beside lists of four ids."""
_MIB, _GIB, _MB = 2**20, 2**30, 10**6
SPARK = (
    "spark.master=local-cluster[2,1,2048]",
    "spark.ui.enabled=false",
    "spark.driver.host=127.0.0.1",
    "spark.driver.bindAddress=127.0.0.1",
)


class _Parts:
    """The measurements by name."""

    def __init__(self, folder: Path, samples: int, long_samples: int) -> None:
        self._folder = folder
        self._samples = samples
        self._long = long_samples

    def wide(self) -> Iterator[tuple[str, str, str, str]]:
        """Many tables."""
        tables, data = made_tables(), self._days("wide", made_tables(), self._samples)
        said = f"{self._samples:,} samples, {len(tables)} tables"
        output = self._folder / "wide.yaml"
        ended = self._profile(data, output)
        yield said, "CPU s", "below 25", f"{ended.cpu_seconds:.1f}"
        yield said, "peak MiB", "", f"{ended.peak_bytes / _MIB:,.0f}"
        yield from self._numbers(said, tables, data, output)

    def long(self) -> Iterator[tuple[str, str, str, str]]:
        """Many ids, as it comes and in little memory."""
        tables = made_tables(_LONG, 4.0)
        data = self._days("long", tables, self._long)
        said = f"{self._long:,} samples, {len(tables)} tables"
        output, small = self._folder / "long.yaml", self._folder / "small.yaml"
        for path, words, peak in ((output, [], 1.5), (small, ["--memory", "500MB"], 0.8)):
            ended = self._profile(data, path, *words)
            ran = ", ".join([said, *([" ".join(words)] if words else [])])
            yield ran, "CPU s", "below 60", f"{ended.cpu_seconds:.1f}"
            yield ran, "peak GiB", f"below {peak}", f"{ended.peak_bytes / _GIB:.2f}"
        yield said, "other bytes with less memory", "none", _others(output, small)
        yield from self._numbers(said, tables, data, output)

    def text(self) -> Iterator[tuple[str, str, str, str]]:
        """Criteo's lines made Parquet."""
        found = staged_text(self._days("wide", made_tables(), self._samples)[0], self._folder)
        said = f"{found.lines:,} lines of Criteo's, {found.size_bytes / _MB:,.0f} MB"
        yield said, "MB/s a core", "above 80", f"{found.size_bytes / _MB / found.cpu_seconds:.0f}"
        yield said, "wrong values", "none", f"{found.wrong:,} of {found.values:,}"

    def step(self) -> Iterator[tuple[str, str, str, str]]:
        """What a step is predicted to take from samples, by the plan that all data gives."""
        data = self._days("wide", made_tables(), self._samples)
        rules = self._folder / "rules.yaml"
        tables = [
            {"name": each.name, "rows": each.rows, "features": [{"column": each.name}]}
            for each in made_tables()
        ]
        rules.write_text(json.dumps({"tables": tables}), encoding="utf-8")
        outputs = {}
        for share in (100, 10, 1):
            outputs[share] = self._folder / f"share-{share}.yaml"
            words = ["--features", str(rules), *(["--sample", f"{share}%"] if share < 100 else [])]
            self._profile(data, outputs[share], *words, has_days=False)
        for name, share, off in off_by_sample(outputs):
            asked = "within 5%" if share == 1 else "within 1%"
            yield f"a sample of {share}%, {name}", "step off", asked, f"{off:+.2%}"

    def drift(self) -> Iterator[tuple[str, str, str, str]]:
        """Alarms, where tables moved and where none did."""
        tables = made_tables()
        first, second = self._days("wide", tables, self._samples)
        moved = {each.name for each in tables if each.moves}
        old = self._folder / "old.yaml"
        self._profile([first], old)
        found = self._alarms([second], old)
        yield "the next day", "moved tables told", f"{len(moved)}", f"{len(found & moved)}"
        yield "the next day", "others told", "0", f"{len(found - moved)}"
        halves = half_days(first, self._folder)
        self._profile(halves[:1], old)
        yield "two halves of a day", "tables told", "0", f"{len(self._alarms(halves[1:], old))}"

    def engines(self) -> Iterator[tuple[str, str, str, str]]:
        """The same bytes from all."""
        samples = self._samples // 10
        data = self._days("tenth", made_tables(), samples)
        said = f"{samples:,} samples, {len(made_tables())} tables"
        outputs = {}
        for engine, settings in (("duckdb", ()), ("spark", SPARK), ("ray", ("num_cpus=2",))):
            outputs[engine] = self._folder / f"{engine}.yaml"
            words = [word for each in settings for word in ("--engine-option", each)]
            self._profile(data, outputs[engine], "--engine", engine, *words)
        for engine, name in (("spark", "Spark, 2 workers"), ("ray", "Daft on Ray")):
            others = _others(outputs["duckdb"], outputs[engine])
            yield said, f"other bytes from {name}", "none", others

    def _days(self, name: str, tables: Sequence[MadeTable], samples: int) -> list[Path]:
        folder = self._folder / f"{name}-{samples}"
        write_days(folder, tables, samples)
        return [folder / f"day_{day}.parquet" for day in range(DAYS)]

    def _profile(
        self, data: Sequence[Path], output: Path, *words: str, has_days: bool = True
    ) -> Ended:
        days = ["--day", "day_*"] if has_days and len(data) > 1 else []
        said = ["--batch", str(BATCH), "-q", "-o", str(output), *days, *words]
        return run_whole([*_COMMAND, *map(str, data), *said], ROOT)

    def _alarms(self, data: Sequence[Path], old: Path) -> set[str]:
        said = ["--batch", str(BATCH), "-q", "--against", str(old)]
        lines = run_whole([*_COMMAND, *map(str, data), *said], ROOT, (0, 1)).output.splitlines()
        return {line.split()[0] for line in lines if " moved: " in line}

    def _numbers(
        self, said: str, tables: Sequence[MadeTable], data: Sequence[Path], output: Path
    ) -> Iterator[tuple[str, str, str, str]]:
        found = checked(tables, data, output, BATCH)
        wrong = ", ".join(found.wrong[:3]) or f"none of {found.whole_numbers:,}"
        yield said, "whole numbers other than numpy's", "none", wrong
        yield said, "other numbers off", "within 1e-9", f"{found.worst_float:.1e}"
        worst = f"{found.worst_rows:.2%} ({found.worst_table})"
        yield said, "distinct rows of 1/8, 1 and 16 batches off, worst", "within 1%", worst


_COMMAND = (sys.executable, "-m", "shardplan", "profile")
_PARTS = ("wide", "long", "text", "step", "drift", "engines")


def _others(one: Path, two: Path) -> str:
    """Files of two profiles that are not the same."""
    endings = (".yaml", ".profile.json", ".reference.parquet")
    pairs = ((one.with_suffix(each), two.with_suffix(each)) for each in endings)
    return ", ".join(b.name for a, b in pairs if a.read_bytes() != b.read_bytes()) or "none"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--part", "parts", type=click.Choice(_PARTS), multiple=True, default=_PARTS)
@click.option("--samples", type=int, default=10_000_000, show_default=True)
@click.option("--long-samples", type=int, default=100_000_000, show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder of profiled.json.")
def main(
    folder: Path, parts: tuple[str, ...], samples: int, long_samples: int, output: Path | None
) -> None:
    """Measure."""
    measured = _Parts(folder, samples, long_samples)
    for part in parts:
        figures = [Figure(part, *each) for each in getattr(measured, part)()]
        click.echo(as_markdown(HEADER, as_lines(figures)))
        if output is not None:
            path = output / "profiled.json"
            kept = [each for each in read_figures(path) if each.part != part] + figures
            kept.sort(key=lambda each: _PARTS.index(each.part))
            text = json.dumps([asdict(each) for each in kept], indent=1) + "\n"
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
