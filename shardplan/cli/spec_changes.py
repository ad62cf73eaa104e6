"""Options that put values in place of what a spec says: one mechanism for all."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from shardplan.cli import completions

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC_CHANGES = ("topology", "nodes", "settings")
"""The parameters that ``changes_spec`` adds, for the help."""


def changes_spec(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--topology``, ``--nodes`` and ``--set`` to a command that reads specs."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def settings_of(topology: str | None, nodes: int | None, settings: tuple[str, ...]) -> list[str]:
    """``path=value`` texts for ``load_spec``: ``--nodes 3`` is ``--set topology.nodes=3``.

    A topology that is a path counts from where the command runs, not from the spec's folder.
    """
    from shardplan.spec.catalog.catalog import is_path

    found = []
    if topology is not None:
        where = os.path.abspath(topology) if is_path(topology) else topology
        found.append(f"topology={json.dumps(where, ensure_ascii=False)}")
    if nodes is not None:
        found.append(f"topology.nodes={nodes}")
    return [*found, *settings]


sets_spec = click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Another value, such as training.pipeline=none; may be repeated.",
)
"""Adds ``--set`` alone."""

_OPTIONS = (
    click.option(
        "--topology",
        metavar="NAME",
        shell_complete=completions.topologies,
        help="Another topology, by name or path.",
    ),
    click.option("--nodes", metavar="N", type=click.IntRange(min=1), help="How many nodes of it."),
    sets_spec,
)
