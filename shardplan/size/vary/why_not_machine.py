"""Why one machine and not another: what of it would have to be otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.errors import InputError
from shardplan.size.bounds.relaxed_step import relaxed_step
from shardplan.spec.text.document import Document
from shardplan.spec.validation.validation import validate
from shardplan.topology.machine import Machine
from shardplan.topology.schema import TopologyFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.case import Case
    from shardplan.size.bounds.step_bound import StepBound

PARTS = ("device.hbm", "device.host_link", "node", "scale_up", "nics", "fabric", "ingest")
"""Of a topology file, what one machine may take from another."""
_NEGLIGIBLE = 1e-3
"""Of the difference between two machines: below this, a part adds nothing."""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """A machine with a part of another one, beside those that it has taken before."""

    part: str
    """A key of a topology file, such as ``nics``."""
    bound: StepBound
    """Of the machine with that part."""
    saved_seconds: float
    """By how much its least step is below the one without; infinite where that had no plan."""


@dataclass(frozen=True, slots=True)
class WhyNotMachine:
    """A machine beside another one that is quicker."""

    bound: StepBound
    other: StepBound
    exchanged: tuple[Exchanged, ...]
    """The parts of the other machine, one after the other: each time the one that helps most, until
    none helps. Parts that do not go together with the rest are left out."""

    @property
    def binding(self) -> Exchanged | None:
        """The part that alone helps most; None where none does."""
        return self.exchanged[0] if self.exchanged else None


def why_not_machine(
    case: Case, other: Case, bound_of: Callable[[Case], StepBound] = relaxed_step
) -> WhyNotMachine:
    """What keeps the machine of a case from being as quick as that of another one.

    Both are of the same workload. Parts of the other machine are put in place of the case's own, by
    the cost model of the case, and the least step is told, as ``bound_of`` proves it.
    """
    bound, aim = bound_of(case), bound_of(other)
    negligible = _NEGLIGIBLE * max(bound.seconds - aim.seconds, 0.0)
    found: list[Exchanged] = []
    at, seconds, left = case, bound.seconds, list(PARTS)
    while left:
        tried = [(part, _with_part(at, other.machine, part)) for part in left]
        known = [(part, new, bound_of(new)) for part, new in tried if new is not None]
        if not known:
            break
        part, at, new_bound = min(known, key=lambda each: each[2].seconds)
        saved = seconds - new_bound.seconds if new_bound.seconds < float("inf") else 0.0
        if not saved > negligible:
            break
        found.append(Exchanged(part, new_bound, saved))
        seconds = new_bound.seconds
        left.remove(part)
    return WhyNotMachine(bound, aim, tuple(found))


def _with_part(case: Case, other: Machine, part: str) -> Case | None:
    """The case with a part of another machine; None where that is the same, or cannot be."""
    keys, mine, theirs = part.split("."), case.machine.value, other.value
    if _get(mine, keys) == _get(theirs, keys):
        return None
    sources = theirs.get("sources", {}) | mine.get("sources", {})
    value = _put(mine, keys, _get(theirs, keys)) | {"sources": sources}
    try:
        file = validate(TopologyFile, Document(value, f"{case.machine.file.name} with {part}"))
        machine = Machine.of(file, value, case.machine.nodes).grouped(case.machine.grouping)
        return case.with_(machine=machine)
    except InputError:
        return None


def _get(value: Any, keys: list[str]) -> Any:
    """What stands at a path; None where nothing does."""
    for key in keys:
        value = value.get(key) if value else None
    return value


def _put(value: dict[str, Any], keys: list[str], new: Any) -> dict[str, Any]:
    """A copy with something else at a path, or with nothing where it is None."""
    first, *inner = keys
    if inner:
        new = _put(value.get(first, {}), inner, new)
    kept = {key: old for key, old in value.items() if key != first}
    return kept if new is None else kept | {first: new}
