"""What ``str(ShardingPlan)`` prints."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from shardplan.convert.from_torchrec.stated_table import StatedShard, StatedTable
from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODULE = re.compile(r"\s*module:\s?(\S*)\s*")
_PLACEMENT = re.compile(r"rank:(\d+)(/\S*)?")
_TABLES = ("param", "sharding type", "compute kernel", "ranks")
_SHARDS = ("param", "shard offsets", "shard sizes", "placement")


def printed_plan(text: str, file: str) -> tuple[StatedTable, ...]:
    """Its tables; none where no line begins a module. Raises InputError for broken lines."""
    tables: dict[tuple[str, str], StatedTable] = {}
    shards: dict[tuple[str, str], list[StatedShard]] = {}
    for number, module, header, cells in _rows(text):
        key = module, cells[0]
        try:
            if header == _TABLES:
                ranks = ast.literal_eval(cells[3]) or ()
                tables[key] = StatedTable(*key, cells[1], cells[2], tuple(ranks), line=number)
            elif header == _SHARDS:
                shards.setdefault(key, []).append(_shard(cells))
        except (ValueError, SyntaxError, TypeError, IndexError):
            message = f"is no line of a table of {', '.join(header)}"
            raise InputError([Diagnostic(file, number, 0, "", message, code="plan")]) from None
    return tuple(table.with_shards(shards.get(key, ())) for key, table in tables.items())


def _rows(text: str) -> Iterator[tuple[int, str, tuple[str, ...], tuple[str, ...]]]:
    """Line, module, header and cells of each row of each table."""
    module: str | None = None
    header: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if begins := _MODULE.fullmatch(line):
            module, header = begins[1], ()
        elif not line.strip():
            header = ()
        elif module is not None and "|" in line:
            cells = tuple(cell.strip() for cell in line.split("|"))
            if not header:
                header = cells
            elif set(line) - set("-| "):
                yield number, module, header, cells


def _shard(cells: tuple[str, ...]) -> StatedShard:
    placement = _PLACEMENT.fullmatch(cells[3])
    if placement is None:
        raise ValueError(cells[3])
    (row, column), (rows, columns) = ast.literal_eval(cells[1]), ast.literal_eval(cells[2])
    return StatedShard((row, column), (rows, columns), int(placement[1]))
