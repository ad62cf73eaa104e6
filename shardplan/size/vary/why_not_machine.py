"""Why one machine and not another: what of it would have to be otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.size.bounds.relaxed_step import relaxed_step
from shardplan.spec.text.document import Document
from shardplan.spec.validation.validation import validate
from shardplan.topology.machine import Machine
from shardplan.topology.schema import TopologyFile

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.size.bounds.step_bound import StepBound

PARTS = ("device", "node", "scale_up", "nics", "fabric", "ingest")
"""Of a topology file, what one machine may take from another."""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """A machine with one part of another one."""

    part: str
    """A key of a topology file, such as ``nics``."""
    bound: StepBound
    """Of the machine with that part."""
    saved_seconds: float
    """By how much its least step is below the machine's own; infinite where that had no plan."""


@dataclass(frozen=True, slots=True)
class WhyNotMachine:
    """A machine beside another one that is quicker."""

    bound: StepBound
    other: StepBound
    exchanged: tuple[Exchanged, ...]
    """With each part of the other machine that differs, what helps most first; parts that do not
    go together with the rest are left out."""

    @property
    def binding(self) -> Exchanged | None:
        """The part that alone helps most; None where none does."""
        first = self.exchanged[0] if self.exchanged else None
        return first if first is not None and first.saved_seconds > 0 else None


def why_not_machine(case: Case, other: Case) -> WhyNotMachine:
    """What keeps the machine of a case from being as quick as that of another one.

    Both are of the same workload; each part of the other machine is put in place of the case's
    own, by the cost model of the case, and the least step is told. That of ``relaxed_step``.
    """
    bound, found = relaxed_step(case), []
    for part in PARTS:
        changed = _with_part(case, other.machine, part)
        if changed is None:
            continue
        new = relaxed_step(changed)
        saved = bound.seconds - new.seconds if new.seconds < float("inf") else 0.0
        found.append(Exchanged(part, new, saved))
    found.sort(key=lambda each: -each.saved_seconds)
    return WhyNotMachine(bound, relaxed_step(other), tuple(found))


def _with_part(case: Case, other: Machine, part: str) -> Case | None:
    """The case with a part of another machine; None where that is the same, or cannot be."""
    mine, theirs = case.machine.value.get(part), other.value.get(part)
    if mine == theirs:
        return None
    sources = other.value.get("sources", {}) | case.machine.value.get("sources", {})
    value = {key: kept for key, kept in case.machine.value.items() if key != part}
    if theirs is not None:
        value = value | {part: theirs}
    value = value | {"sources": sources}
    try:
        file = validate(TopologyFile, Document(value, f"{case.machine.file.name} with {part}"))
        machine = Machine.of(file, value, case.machine.nodes).grouped(case.machine.grouping)
        return case.with_(machine=machine)
    except InputError:
        return None
