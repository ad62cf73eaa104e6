"""The text of a TorchRec plan -> its tables, whichever way it was written down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from shardplan.convert.from_torchrec.printed_plan import printed_plan
from shardplan.convert.from_torchrec.printed_stats import printed_stats
from shardplan.convert.from_torchrec.stated_table import StatedShard, StatedTable
from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_HINT = "give str(sharding_plan), json.dumps(sharding_plan._serialize()), or the table of the log"


def read_text(text: str, file: str) -> tuple[StatedTable, ...]:
    """The tables of ``str(ShardingPlan)``, of its JSON, or of the table that EmbeddingStats logs.

    Raises InputError, with the line, where the text is none of them or broken.
    """
    if text.lstrip().startswith("{"):
        return tuple(_of_json(text, file))
    found = printed_plan(text, file) or printed_stats(text, file)
    if not found:
        _fail(file, 0, "is no plan of TorchRec")
    return found


def _of_json(text: str, file: str) -> Iterator[StatedTable]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        _fail(file, getattr(error, "lineno", 0), f"is not JSON: {error}")
    modules = value.get("plan", value)
    if not isinstance(modules, dict) or not modules:
        _fail(file, 0, "holds no plan")
    for module, tables in modules.items():
        if not isinstance(tables, dict):
            _fail(file, 0, f"{module!r} holds no tables")
        for name, entry in tables.items():
            yield _entry(module, name, entry, file)


def _entry(module: str, name: str, entry: Any, file: str) -> StatedTable:
    try:
        shards = tuple(
            StatedShard(_pair(each["shard_offsets"]), _pair(each["shard_sizes"]), _rank(each))
            for each in entry.get("shards") or ()
        )
        return StatedTable(
            module, name, str(entry["sharding_type"]), str(entry["compute_kernel"]),
            tuple(map(int, entry.get("ranks") or ())), shards,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        _fail(file, 0, f"{module}.{name}: is no table of a plan: {type(error).__name__}: {error}")


def _pair(values: Any) -> tuple[int, int]:
    rows, columns = map(int, values)
    return rows, columns


def _rank(shard: Any) -> int:
    return int(str(shard["placement"]).removeprefix("rank:").partition("/")[0])


def _fail(file: str, line: int, message: str) -> NoReturn:
    raise InputError([Diagnostic(file, line, 0, "", message, _HINT, code="plan")])
