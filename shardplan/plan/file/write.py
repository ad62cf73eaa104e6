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
    value = plan.model_dump(mode="json", exclude_unset=True, exclude={"resolved"})
    if "resolved" in plan.model_fields_set:  # Plain values already, and half of a large plan.
        value["resolved"] = plan.resolved
    return reviewable({key: value[key] for key in type(plan).model_fields if key in value})


def write(plan: Plan, path: str | Path) -> None:
    """Write the plan file whole or not at all.

    Raises InputError when it cannot be written; an older file is then left as it was.
    """
    write_atomically(path, render(plan))
