"""Plan -> plan file."""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, Any

from shardplan.bulk import in_bulk
from shardplan.files import write_atomically
from shardplan.plan.file.reviewable_json import member, of_members

if TYPE_CHECKING:
    from pathlib import Path

    from shardplan.plan.file.plan import Plan


class Renderer:
    """Renders plans one after the other.

    A part that is the very same in two of them, as a better bound leaves the tables of a plan, is
    written down once.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[Any, str]] = {}
        """By field of the last plan, its value and the text of it."""

    @in_bulk()
    def render(self, plan: Plan) -> str:
        """The text of the plan file: the same plan gives the same bytes."""
        known = self._known
        wanted = [name for name in type(plan).model_fields if name in plan.model_fields_set]
        value = {name: getattr(plan, name) for name in wanted}
        new = {
            name for name in wanted if not _is_same(known.get(name, (_NONE, ""))[0], value[name])
        }
        # Plain values already, and half of a large plan.
        plain = {"resolved": plan.resolved} if "resolved" in new else {}
        dumped = plan.model_dump(mode="json", exclude_unset=True, include=new - plain.keys())
        texts = {name: member(name, each) for name, each in (dumped | plain).items()}
        self._known = {
            name: (value[name], texts[name] if name in texts else known[name][1]) for name in wanted
        }
        return of_members([text for _, text in self._known.values()])


_NONE = object()
"""No value of a plan."""


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values are the same object, or the same objects in the same order: models copy
    what they are given, and not what is in it."""
    if type(one) is not type(other) or not isinstance(one, dict | tuple):
        return one is other
    if isinstance(one, dict):
        one, other = ([*each, *each.values()] for each in (one, other))
    return len(one) == len(other) and all(map(is_, one, other))


def render(plan: Plan) -> str:
    """The text of the plan file: the same plan gives the same bytes."""
    return Renderer().render(plan)


def write(plan: Plan, path: str | Path) -> None:
    """Write the plan file whole or not at all.

    Raises InputError when it cannot be written; an older file is then left as it was.
    """
    write_atomically(path, render(plan))
