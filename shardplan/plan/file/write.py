"""Plan -> plan file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.bulk import in_bulk
from shardplan.files import write_atomically
from shardplan.plan.file.reviewable_json import reviewable

if TYPE_CHECKING:
    from pathlib import Path

    from shardplan.plan.file.plan import Plan


@in_bulk()
def render(plan: Plan) -> str:
    """The text of the plan file: the same plan gives the same bytes."""
    return reviewable(plan.model_dump(mode="json", exclude_unset=True))


def write(plan: Plan, path: str | Path) -> None:
    """Write the plan file whole or not at all.

    Raises InputError when it cannot be written; an older file is then left as it was.
    """
    write_atomically(path, render(plan))
