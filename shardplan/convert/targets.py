"""The programs that a plan can be written for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.convert import dynamicemb, torcheasyrec
from shardplan.convert.dynamic_tables import DynamicTables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shardplan.plan.file.plan import Plan

TARGETS: Mapping[str, Callable[[DynamicTables], str]] = {
    "dynamicemb": dynamicemb.as_python,
    "dynamicemb-json": dynamicemb.as_json,
    "torcheasyrec": torcheasyrec.as_text,
}
"""By name, how a plan's dynamic tables are written."""


def converted(plan: Plan, target: str) -> str:
    """What a plan hands out, as a target has it.

    Raises InputError where it hands out nothing, KeyError where there is no such target.
    """
    return TARGETS[target](DynamicTables.of(plan))
