"""What shells offer for arguments and options, beside the options' own names.

A shell asks while somebody types: whatever is wrong is passed over, and nothing is offered.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click

_LARGEST_PLAN = 256 * 2**20
_MOST_OFFERED = 1_000


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Whatever files the shell finds."""
    return [CompletionItem(incomplete, type="file")]


def topologies(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the catalog, and files; bash wants files first, and offers them where no name is."""
    return [*files(ctx, param, incomplete), *_begun(_names("TOPOLOGY"), incomplete)]


def cost_models(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The same of cost models."""
    return [*files(ctx, param, incomplete), *_begun(_names("COST_MODEL"), incomplete)]


def frameworks(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The same of frameworks."""
    return [*files(ctx, param, incomplete), *_begun(_names("FRAMEWORK"), incomplete)]


def of_the_list(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of whatever ``list`` lists."""
    kinds = {"topologies": topologies, "cost-models": cost_models, "frameworks": frameworks}
    offer = kinds.get(_first(ctx))
    return offer(ctx, param, incomplete) if offer else []


def tables(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Tables of the plan that was given."""
    return _begun(_tables(_first(ctx)), incomplete)


def choices(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """``TABLE=``, and behind it sharding types and kernels."""
    from shardplan.sharding.kernel import KERNELS
    from shardplan.sharding.kind import SHARDING_TYPES

    table, sign, _ = incomplete.rpartition("=")
    if not sign:
        return _begun((f"{name}=" for name in _tables(_first(ctx))), incomplete)
    kinds = [*map(str, SHARDING_TYPES), *map(str, KERNELS)]
    return _begun((f"{table}={kind}" for kind in kinds), incomplete)


def _first(ctx: click.Context) -> str:
    """The first argument of the command; what the shell asks about is the last option.

    Since that lacks its value, click leaves the arguments before it unread.
    """
    return next((word for word in ctx.args if not word.startswith("-")), "")


def _begun(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Those that begin so; without what could steer a terminal or end a line."""
    found = (word for word in words if word.startswith(incomplete) and word.isprintable())
    return [CompletionItem(word) for word, _ in zip(found, range(_MOST_OFFERED), strict=False)]


def _names(kind: str) -> list[str]:
    from shardplan.errors import ShardplanError
    from shardplan.spec.catalog.catalog import Kind, names

    try:
        return names(Kind[kind])
    except (ShardplanError, OSError):
        return []


def _tables(plan: str) -> list[str]:
    """What the tables of a plan file are called, which need not be valid; none without one."""
    from shardplan.workload.labels import labels

    try:
        path = Path(plan)
        if not path.is_file() or path.stat().st_size > _LARGEST_PLAN:
            return []
        listed = json.loads(path.read_bytes())["tables"]
        return labels([(str(table.get("module", "")), str(table["name"])) for table in listed])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []
