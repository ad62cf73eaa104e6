"""Options of Alibaba's TorchEasyRec: ``dynamicemb {}`` of each feature's configuration."""

from __future__ import annotations

import json
from decimal import ROUND_DOWN, Context
from typing import TYPE_CHECKING

from shardplan.workload.dynamic.dynamic import IdDeal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.convert.dynamic_tables import DynamicTable, DynamicTables

_DIGITS = Context(prec=6, rounding=ROUND_DOWN)
"""TorchEasyRec keeps shares as single floats; rounded down, a bucket is still made whole."""


def as_text(found: DynamicTables) -> str:
    """A block of protocol buffers' text for each table."""
    return "".join([f"# {found.title}.\n", *map(_block, found.tables)])


def _block(table: DynamicTable) -> str:
    facts = table.facts
    features = ", ".join(map(json.dumps, facts.features))
    lines = [f"\n# {json.dumps(facts.name)}, read by {features}\n"]
    if table.entry.dist_type is not IdDeal.ROUNDROBIN:
        lines.append(f"# planned with ids {table.entry.dist_type}; TorchEasyRec: roundrobin\n")
    fields = (f"  {key}: {value}\n" for key, value in _fields(table))
    return "".join([*lines, "dynamicemb {\n", *fields, "}\n"])


def _fields(table: DynamicTable) -> Iterator[tuple[str, str]]:
    entry = table.entry
    yield "max_capacity", str(table.facts.rows)
    yield "bucket_capacity", str(entry.bucket_capacity)
    yield "cache_load_factor", str(_DIGITS.create_decimal(repr(table.hbm_share)))
    yield "caching", str(entry.caching).lower()
    yield "score_strategy", f'"{table.score_strategy}"'
