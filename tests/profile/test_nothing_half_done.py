"""A full disk, an interrupt or a signal to end leave files as they were, and no folder behind."""

from __future__ import annotations

import errno
import os
import signal
import tempfile
from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

pytest.importorskip("duckdb")
pytest.importorskip("narwhals")

from sampled_days import write_days

from shardplan.cli.interrupt import ended_by_signals
from shardplan.errors import InputError
from shardplan.profile.profile_files import Reading, profile_files
from shardplan.profile.reporter import ProfileReporter
from shardplan.profile.tables.table_profile import Asked
from shardplan.profile.tables.write_profile import write_profile

if TYPE_CHECKING:
    from pathlib import Path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
    }


def test_a_full_disk_leaves_the_files_of_all_tables_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three tables have hot rows, and there are three more files: six in all."""
    days = write_days(tmp_path / "days", 50)
    old = profile_files([str(days / "day_0.parquet")], Asked(batch=2), hot=10)
    new = profile_files([str(days / "day_1.parquet")], Asked(batch=2), hot=10)
    there = tmp_path / "there"
    there.mkdir()
    write_profile(old, str(there / "t.csv"), str(there / "hot"))
    before = contents(tmp_path)
    real, left = os.fsync, [0]

    def full(descriptor: int) -> None:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        real(descriptor)

    monkeypatch.setattr("os.fsync", full)
    for left[0], hot in product(range(6), ("hot", "other")):
        with pytest.raises(InputError, match="No space left on device"):
            write_profile(new, str(there / "t.csv"), str(there / hot))
        assert contents(tmp_path) == before


class Stopped(ProfileReporter):
    """Ctrl-C when counting begins."""

    def counting(self, table: str, done: int, tables: int) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("keeps", [False, True])
def test_an_interrupt_leaves_nothing_but_what_a_later_run_goes_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keeps: bool
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    for name in ("temporary", "work"):
        (tmp_path / name).mkdir()
    (tmp_path / "d.csv").write_text("a\n1\n2\n3\n4\n")
    reading = Reading(work=str(tmp_path / "work") if keeps else None)
    asked = Asked(batch=2, sample_share=0.5)
    with pytest.raises(KeyboardInterrupt):
        profile_files([str(tmp_path / "d.csv")], asked, reading, reporter=Stopped())
    assert not list((tmp_path / "temporary").iterdir())
    assert [path.suffix for path in (tmp_path / "work").iterdir()] == [".parquet"] * keeps


def test_a_signal_to_end_is_an_interrupt_inside_the_block_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), ended_by_signals():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupt_is_one_whatever_a_library_makes_of_it(number: signal.Signals) -> None:
    def library() -> None:
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt as error:
            raise RuntimeError("Query interrupted") from error

    # Where the tests themselves run in the background, SIGINT is ignored.
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), ended_by_signals():
            library()
        with pytest.raises(KeyboardInterrupt), ended_by_signals(), suppress(KeyboardInterrupt):
            signal.raise_signal(number)
        with pytest.raises(RuntimeError), ended_by_signals():
            raise RuntimeError
    finally:
        signal.signal(number, before)


def test_a_disk_that_is_full_while_text_is_staged_is_named_and_not_the_data(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a,b\n1,2\n")
    (tmp_path / "work").mkdir()
    import duckdb

    reading = Reading(work=str(tmp_path / "work"))
    said = "IO Error: Could not write file: No space left on device"
    for error in (duckdb.IOException(said), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))):
        with (
            patch("shardplan.profile.sources.parsing.Parser.write", side_effect=error),
            pytest.raises(InputError) as caught,
        ):
            profile_files([str(path)], Asked(batch=2), reading)
        (fault,) = caught.value.diagnostics
        assert fault.file == str(tmp_path / "work")
        assert "No space left on device" in fault.message
        assert "--work" in fault.hint
