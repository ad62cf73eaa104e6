"""Text as DuckDB reads it: strictly, and with types that do not depend on a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.profile.engine.duckdb_engine import literal
from shardplan.profile.sources.cells import cells_of
from shardplan.profile.sources.found import DataFormat
from shardplan.profile.sources.json_wholes import as_written, maybe_whole, written_whole
from shardplan.profile.sources.odd_cells import WHOLE, odd_cells
from shardplan.profile.storage import refused, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from shardplan.profile.sources.found import DataFile

TEXT_KEY = "shardplan.text"
"""In the metadata of a staged file: columns of text, of which ids were made."""
ODD_KEY = "shardplan.odd"
"""The same: what is to be told of columns that a few cells keep from being ids."""
CRITEO_DENSE, CRITEO_SPARSE = 13, 26
_LONGEST_HEADER = 2**24
_SEPARATORS = ";\t|,"
"""That others put between values."""
_TEXT_ID = "(md5_number_lower({}) >> 1)::BIGINT"
"""63 bits of a text's MD5: the same everywhere, and the same for the same text."""


class Parser:
    """Writes a text file as Parquet."""

    def __init__(
        self,
        connection: DuckDBPyConnection,
        file: DataFile,
        nulls: Sequence[str],
        whole: Sequence[str],
    ) -> None:
        self._connection = connection
        self._file = file
        self._quoted_path = _quoted(literal(file.path))
        self._nulls = nulls
        self._whole = whole

    def write(self, target: Path) -> None:
        """Write the file; raises duckdb.Error for what cannot be read."""
        self._connection.execute("set preserve_insertion_order = true")
        try:
            match self._file.form:
                case DataFormat.CRITEO:
                    self._copy(self._criteo(), target)
                case DataFormat.CSV:
                    self._copy_typed(self._csv(), target)
                case _:
                    self._copy_typed(self._json(), target)
        finally:
            self._connection.execute("set preserve_insertion_order = false")

    def _criteo(self) -> str:
        """A label where there is one, 13 whole numbers and 26 of hexadecimal digits."""
        dense = [f"I{n}" for n in range(1, CRITEO_DENSE + 1)]
        sparse = [f"C{n}" for n in range(1, CRITEO_SPARSE + 1)]
        count = len(first_cells(self._file, "\t"))
        label = ["label"] if count == 1 + CRITEO_DENSE + CRITEO_SPARSE else []
        columns = {name: "INTEGER" for name in (*label, *dense)} | dict.fromkeys(sparse, "VARCHAR")
        numbers = ", ".join([*label, *dense])
        ids = ", ".join(f"('0x' || {name})::UINTEGER::BIGINT as {name}" for name in sparse)
        options = f"delim='\t', quote='', escape='', header=false, columns={columns}"
        return f"select {numbers}, {ids} from read_csv({self._quoted_path}, {options}, " + (
            "auto_detect=false, nullstr='')"
        )

    def _csv(self) -> str:
        delimiter = "\t" if self._file.is_tabbed else ","
        header = first_cells(self._file, delimiter)
        if len(header) == 1 and (others := [each for each in _SEPARATORS if each in header[0]]):
            parts = "tabs" if delimiter == "\t" else "commas"
            message = f"its first line has no {parts}, which part values, and {others[0]!r} instead"
            hint = "write commas, or tabs and a name that ends in .tsv"
            raise refused(self._file.path, message, hint, line=1)
        if "" in header:
            at = header.index("") + 1
            raise refused(self._file.path, f"the column {at} has no name", line=1)
        names = [name.lower() for name in header]
        if twice := [at for at, name in enumerate(names) if name in names[:at]]:
            message = f"the column {header[twice[0]]!r} stands here twice, whatever the case"
            raise refused(self._file.path, message, "name one otherwise", line=1)
        columns = ", ".join(f"{_quoted(name)}: 'VARCHAR'" for name in header)
        nulls = ", ".join(map(_quoted, ["", *self._nulls]))
        return (
            f"select * from read_csv({self._quoted_path}, delim={_quoted(delimiter)}, "
            f"quote='\"', escape='\"', header=true, columns={{{columns}}}, auto_detect=false, "
            f"nullstr=[{nulls}])"
        )

    def _json(self, more: str = "sample_size=-1, convert_strings_to_integers=false") -> str:
        return (
            f"select * from read_json({self._quoted_path}, format='newline_delimited', "
            f"maximum_object_size=1073741824, {more})"
        )

    def _copy_typed(self, query: str, target: Path) -> None:
        """By way of a file of text, which is parsed once and then looked at as often as need be."""
        raw, written = target.with_suffix(".raw"), target.with_suffix(".written")
        try:
            self._copy(query, raw)
            source = f"read_parquet({_quoted(str(raw))})"
            kinds = self._kinds(source)
            if self._file.form is DataFormat.JSON:
                source = self._with_wholes(source, kinds, written)
                now = self._kinds(source)
                kinds = {name: now[name] for name in kinds}  # In the file's order.
            cells, text, odd = [], [], []
            for name, kind in kinds.items():
                column = _name(name)
                cell = column if name in self._whole else self._typed(column, kind, source)
                cells.append(f"{cell} as {column}")
                text += [name] if "md5" in cell else []
                if not self._holds_ids(name, kind, cell):
                    said = odd_cells(self._connection, _quoted(str(raw)), column, kind)
                    taken = "it is taken as text" if "md5" in cell else "it is left out"
                    odd += [f"{self._file.path}: {name!r} is {said}; {taken}"] if said else []
            self._copy(f"select {', '.join(cells)} from {source}", target, text, odd)
        finally:
            raw.unlink(missing_ok=True)
            written.unlink(missing_ok=True)

    def _kinds(self, source: str) -> dict[str, str]:
        described = self._connection.execute(f"describe select * from {source}").fetchall()
        return {name: kind for name, kind, *_ in described}

    def _with_wholes(self, source: str, kinds: Mapping[str, str], written: Path) -> str:
        """The source with columns of whole numbers in place of floats, read once more as text.

        DuckDB makes floats of whole numbers where some are negative and others not, and so loses
        how all of them were written.
        """
        by_name = {_name(column): kind for column, kind in kinds.items()}
        columns = maybe_whole(self._connection, source, by_name)
        if not columns:
            return source
        self._copy(self._json(f"columns={as_written(columns, by_name)}"), written)
        text = f"read_parquet({_quoted(str(written))})"
        wholes = written_whole(self._connection, text, columns, by_name)
        if not wholes:
            return source
        cast = ", ".join(f"{column}::{kind} as {column}" for column, kind in wholes.items())
        others = f"(select * exclude ({', '.join(wholes)}) from {source})"
        if len(wholes) == len(kinds):
            return f"(select {cast} from {text})"
        return f"(select * from {others} positional join (select {cast} from {text}))"

    def _holds_ids(self, name: str, kind: str, cell: str) -> bool:
        """Whether nothing is to be told: of whole numbers by type or by all cells, or days."""
        return (
            name in self._whole
            or kind.removesuffix("[]").endswith("INT")
            or "BIGINT" in kind
            or (kind == "VARCHAR" and cell.endswith("::BIGINT") and "md5" not in cell)
        )

    def _typed(self, column: str, kind: str, source: str) -> str:
        """A column's values as what all of them are: whole numbers, numbers, or ids of text."""
        if kind == "VARCHAR[]":
            return f"list_transform({column}, lambda x: {_TEXT_ID.format('x')})"
        if kind != "VARCHAR":
            return column
        if self._file.form is DataFormat.JSON:
            return _TEXT_ID.format(column)
        asked = (
            f"select coalesce(bool_and(regexp_full_match({column}, '{WHOLE}')), true), "
            f"bool_and(try_cast({column} as DOUBLE) is not null) filter ({column} is not null) "
            f"from {source}"
        )
        row = self._connection.execute(asked).fetchone()
        if row is None or row[0]:
            return f"{column}::BIGINT"
        return f"{column}::DOUBLE" if row[1] else _TEXT_ID.format(column)

    def _copy(
        self, query: str, target: Path, text: Sequence[str] = (), odd: Sequence[str] = ()
    ) -> None:
        marks = ", ".join(
            f"{_quoted(key)}: {_quoted(chr(31).join(told))}"
            for key, told in ((TEXT_KEY, text), (ODD_KEY, odd))
            if told
        )
        options = "format parquet, compression zstd"
        options += f", kv_metadata {{{marks}}}" if marks else ""
        self._connection.execute(f"copy ({query}) to {_quoted(str(target))} ({options})")


def first_cells(file: DataFile, delimiter: str) -> list[str]:
    """The cells of a file's first line; raises InputError where it is no text."""
    with unpacked(file.path) as lines:
        line = lines.readline(_LONGEST_HEADER)
        if len(line) == _LONGEST_HEADER:
            raise refused(
                file.path, f"its first line is longer than {_LONGEST_HEADER:,} bytes", line=1
            )
        try:
            first = line.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise refused(file.path, "is not UTF-8", line=1, column=error.start + 1) from None
    if not first.strip():
        raise refused(file.path, "its first line is empty", line=1)
    return cells_of(first.rstrip("\r\n"), delimiter)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
