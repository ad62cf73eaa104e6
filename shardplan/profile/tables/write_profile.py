"""A profile's files: the tables for ``solve``, and beside them what else there is to know."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.files import check_writable, make_folder
from shardplan.profile.drift.reference_file import reference_path, references_data
from shardplan.profile.files_together import write_together
from shardplan.profile.hot_rows import RAW_ID, ROW, hot_rows_data
from shardplan.profile.tables.profile_json import profile_document
from shardplan.spec.tables.write_tables import tables_data

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.profile.tables.profile import Profile


def profile_path(tables: Path) -> Path:
    """Where the rest of a profile lies: ``day.yaml`` has ``day.profile.json``."""
    return tables.with_suffix(".profile.json")


def check_kept(reads: Sequence[str], path: str, hot_rows: str | None = None) -> None:
    """Raise InputError where a profile's files would lie over data that it ``reads``.

    ``reads`` are all files by name, whatever names or patterns they were found by.
    """
    tables = Path(path)
    for each in (tables, profile_path(tables), reference_path(tables)):
        check_writable(each, reads)
    folders = {Path(each).resolve().parent for each in reads if "://" not in each}
    if hot_rows is not None and Path(hot_rows).resolve() in folders:
        message, hint = "holds data that is read here", "name another folder for --hot-rows"
        raise InputError([Diagnostic(hot_rows, 0, 0, "", message, hint, code="file")])


def write_profile(profile: Profile, path: str, hot_rows: str | None = None) -> None:
    """Write all files or none of them, each whole, the tables last: where they are, all is.

    ``hot_rows`` is a folder for a Parquet file of each table, of its hottest ids. Raises InputError
    where one cannot be written.
    """
    if hot_rows is None:
        write_together(_files(profile, Path(path)))
        return
    is_new = not Path(hot_rows).exists()
    make_folder(hot_rows)
    try:
        write_together(chain(_hot_rows(profile, Path(hot_rows)), _files(profile, Path(path))))
    except BaseException:
        if is_new:
            with suppress(OSError):
                Path(hot_rows).rmdir()
        raise


def _files(profile: Profile, tables: Path) -> Iterator[tuple[Path, str | bytes]]:
    references = {table.rule.name: table.counts.reference for table in profile.tables}
    yield reference_path(tables), references_data(references)
    yield profile_path(tables), json.dumps(profile_document(profile)) + "\n"
    yield tables, tables_data(tables, [table.spec for table in profile.tables], profile.notes)


def _hot_rows(profile: Profile, folder: Path) -> Iterator[tuple[Path, bytes]]:
    for table in profile.tables:
        known, counts, mapping = table.hot_ids, table.counts, table.rule.mapping
        if not (mapping.knows_rows or mapping.is_dictionary):
            continue  # Buckets of a hash that is not the trainer's.
        column = RAW_ID if mapping.is_dictionary else ROW
        hot = hot_rows_data(counts.hot_ids[:known], counts.hot_reads[:known], column)
        yield folder / f"{table.rule.name}.parquet", hot
