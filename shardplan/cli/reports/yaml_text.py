"""Plain values -> YAML that reads back as the same values."""

from __future__ import annotations

import re
from typing import Any

import yaml

from shardplan.spec.text.scalars import ScalarError, resolve

_PLAIN = re.compile(r"[A-Za-z0-9_./*][A-Za-z0-9_./*%+-]*(?: [A-Za-z0-9_./*%+-]+)*")
_WIDTH = 10_000
"""So long that PyYAML breaks no line inside quotes."""


def yaml_text(value: dict[str, Any]) -> str:
    """YAML with a line for each table.

    Text that the spec's own YAML would read as a number or a constant is quoted; PyYAML alone
    would judge by YAML 1.1.
    """
    return yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=None,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH,
    )


class _Dumper(yaml.SafeDumper):
    """Writes no aliases, which the spec does not allow."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _is_plain(text: str) -> bool:
    """Whether text stays the same text without quotes."""
    if not _PLAIN.fullmatch(text) or text.startswith("*"):
        return False
    try:
        return resolve(text) == text
    except ScalarError:
        return False


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if _is_plain(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
