"""Options of NVIDIA's dynamicemb: what each table's ``DynamicEmbParameterConstraints`` is given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shardplan.convert.dynamic_tables import DynamicTable, DynamicTables

_STRATEGY = "score_strategy"
_HEAD = """\
from dynamicemb import DynamicEmbScoreStrategy, DynamicEmbTableOptions

DYNAMICEMB_OPTIONS = {
"""


def as_python(found: DynamicTables) -> str:
    """A module with ``DYNAMICEMB_OPTIONS``: by module and table, ``DynamicEmbTableOptions``."""
    lines = [f"# {found.title}.\n", _HEAD]
    for module, tables in _by_module(found).items():
        lines.append(f"    {json.dumps(module)}: {{\n")
        for table in tables:
            lines.append(f"        {json.dumps(table.facts.name)}: DynamicEmbTableOptions(\n")
            lines += [f"            {key}={value},\n" for key, value in _arguments(table)]
            lines.append("        ),\n")
        lines.append("    },\n")
    return "".join([*lines, "}\n"])


def as_json(found: DynamicTables) -> str:
    """The same as JSON, strategies by their names."""
    options = {
        module: {table.facts.name: _options(table) for table in tables}
        for module, tables in _by_module(found).items()
    }
    return json.dumps(options, indent=2) + "\n"


def _by_module(found: DynamicTables) -> dict[str, list[DynamicTable]]:
    modules: dict[str, list[DynamicTable]] = {}
    for table in found.tables:
        modules.setdefault(table.facts.module, []).append(table)
    return modules


def _options(table: DynamicTable) -> dict[str, Any]:
    entry = table.entry
    return {
        "global_hbm_for_values": entry.global_hbm_for_values,
        "caching": entry.caching,
        "bucket_capacity": entry.bucket_capacity,
        "dist_type": entry.dist_type.value,
        _STRATEGY: table.score_strategy,
    }


def _arguments(table: DynamicTable) -> list[tuple[str, str]]:
    return [
        (key, f"DynamicEmbScoreStrategy.{value}" if key == _STRATEGY else _literal(value))
        for key, value in _options(table).items()
    ]


def _literal(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)
