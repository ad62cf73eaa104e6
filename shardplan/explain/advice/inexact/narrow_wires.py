"""Outputs, or their gradients, that travel in formats which have to be encoded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.cost.output_route import OutputRoute
from shardplan.cost.output_wires import collectives_of
from shardplan.explain.advice.inexact.otherwise_trained import otherwise_trained
from shardplan.explain.advice.rule import Rule, Warned
from shardplan.explain.words.words import seconds as words_of
from shardplan.workload.wire.wire_collective import WireCollective
from shardplan.workload.wire.wires import WirePair, Wires

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.workload.wire.wire_type import WireType


class NarrowWires(Rule):
    """Says which, how far off numbers may be, and what encoding and decoding take of the step."""

    def of_case(self, case: Case) -> Iterator[Warned]:
        """Codecs of one's own in which nothing can travel."""
        wires = case.workload.training.wires
        pooled = {table.collection.is_pooled for table in case.workload.tables}
        taken = {
            wire.name
            for is_pooled in pooled
            for route in OutputRoute
            for each in collectives_of(route, is_pooled=is_pooled)
            for wire in wires[each]
        }
        for name in case.spec.training.comm_dtype.codecs or ():
            if name not in taken:
                yield Warned(
                    "unused_codec",
                    ("training", "comm_dtype", "codecs", name),
                    "no collective of the modules takes this codec",
                    "name it in training.comm_dtype.forward or backward, or leave it out",
                )

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """One sentence for each format in which anything travels, and one for all."""
        wires = case.workload.training.wires
        used: dict[WireType, list[str]] = {}
        for collective in _collectives(plan, case):
            pair = wires[collective]
            for wire, way in ((pair.forward, "forward"), (pair.backward, "backward")):
                if not wire.is_cast:
                    used.setdefault(wire, []).append(f"{collective} {way}")
        for wire, ways in used.items():
            whole = "the largest that share its scale" if wire.shares_scale else "itself"
            yield (
                f"{wire.name} on the wire ({', '.join(ways)}): {wire.element_bytes:.4g} bytes of a "
                f"number, which may be off by {wire.error:.2g} of {whole}"
            )
        if used and (seconds := _codec_seconds(plan, case) or 0.0) > 0:
            yield f"to encode and to decode takes {words_of(seconds)} of the step"


def _collectives(plan: Plan, case: Case) -> list[WireCollective]:
    """Those that the plan has, in their order; none on a single device."""
    if plan.world_size == 1:
        return []
    found: set[WireCollective] = set()
    for table in case.workload.tables:
        kind, is_pooled = (
            plan.plan[table.module][table.name].sharding_type,
            table.collection.is_pooled,
        )
        found.update(collectives_of(OutputRoute.of(kind, is_pooled), is_pooled=is_pooled))
    return [each for each in WireCollective if each in found]


def _codec_seconds(plan: Plan, case: Case) -> float | None:
    """What the step would save if formats of as few bytes came by themselves."""
    training = case.workload.training
    found = otherwise_trained(plan, case, replace(training, own_wires=_free(training.wires)))
    if found is None:
        return None
    return found.planned.step_seconds - found.otherwise.step_seconds


def _free(wires: Wires) -> Wires:
    pairs = [
        WirePair(replace(pair.forward, is_cast=True), replace(pair.backward, is_cast=True))
        for pair in wires
    ]
    return Wires(*pairs)
