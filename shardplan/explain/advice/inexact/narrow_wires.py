"""Outputs, or their gradients, that travel in formats which have to be encoded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.explain.advice.inexact.otherwise_trained import otherwise_trained
from shardplan.explain.advice.rule import Rule
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

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """One sentence for each format, and one for all."""
        wires = case.workload.training.wires
        used: dict[WireType, list[str]] = {}
        for collective in WireCollective:
            pair = wires[collective]
            for wire, way in ((pair.forward, "forward"), (pair.backward, "backward")):
                if not wire.is_cast:
                    used.setdefault(wire, []).append(f"{collective} {way}")
        for wire, ways in used.items():
            yield (
                f"{wire.name} on the wire ({', '.join(ways)}): {wire.element_bytes:.4g} bytes of a "
                f"number, which may be off by {wire.error:.2g} of the largest that share its scale"
            )
        if used and (seconds := _codec_seconds(plan, case) or 0.0) > 0:
            yield f"to encode and to decode takes {words_of(seconds)} of the step"


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
