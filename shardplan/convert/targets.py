"""The programs that a plan can be written for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.convert import dynamicemb, torcheasyrec
from shardplan.convert.dynamic_tables import DynamicTables
from shardplan.convert.launch.launched_job import STDIO, LaunchedJob
from shardplan.convert.launch.snippets import SNIPPETS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shardplan.plan.file.plan import Plan

    Writer = Callable[[Plan, str], str]


def _of_tables(write: Callable[[DynamicTables], str]) -> Writer:
    return lambda plan, _: write(DynamicTables.of(plan))


def _of_job(write: Callable[[LaunchedJob], str]) -> Writer:
    return lambda plan, path: write(LaunchedJob.of(plan, path))


TARGETS: Mapping[str, Writer] = {
    "dynamicemb": _of_tables(dynamicemb.as_python),
    "dynamicemb-json": _of_tables(dynamicemb.as_json),
    "torcheasyrec": _of_tables(torcheasyrec.as_text),
} | {name: _of_job(write) for name, write in SNIPPETS.items()}
"""By name, how a plan that lies at a path is written."""


def converted(plan: Plan, target: str, path: str = STDIO) -> str:
    """What a plan hands out, as a target has it; ``path`` is where the plan lies.

    Raises InputError where it hands out nothing of the kind, KeyError where there is no such
    target.
    """
    return TARGETS[target](plan, path)
