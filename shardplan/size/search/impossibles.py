"""Proofs that candidates cannot."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from shardplan.size.answer.design import DesignRange
from shardplan.size.answer.impossible import Impossible, Proof
from shardplan.size.answer.target import TargetKind
from shardplan.size.bounds.step_bound import Proof as StepProof
from shardplan.size.search.runs import runs
from shardplan.size.terms.terms import target_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.size.bounds.step_bound import StepBound
    from shardplan.size.crew.job import NoPlan
    from shardplan.size.search.standings import Standings
    from shardplan.size.space.space import Space

_UNEVEN = "uneven load"
"""What the solver proves beyond the mean of all devices."""
_NO_ROOM = "the memory of all devices and nodes does not hold all tables"


def excluded(space: Space) -> Iterator[Impossible]:
    """Those that there cannot be, by their numbers alone."""
    why = dict(space.excluded)
    every = sorted([*space.candidates, *why])
    for is_out, group in groupby(every, lambda c: (c in why, c.offer, c.batch, c.groups)):
        if is_out[0]:
            members = list(group)
            facts = tuple(dict.fromkeys(why[each] for each in (members[0], members[-1])))
            designs = DesignRange.of(*map(space.design, members))
            yield Impossible(designs=designs, proof=_no_such("candidate", facts))


def impossible_runs(standings: Standings, series: Sequence[int]) -> Iterator[Impossible]:
    """Of a series; those that one bound on a range of nodes rules out are told together."""
    space, is_possible = standings.space, standings.is_possible

    def key(number: int) -> object:
        if is_possible[number]:
            return None
        is_alone = number in standings.proofs or number in standings.refusals
        is_step = standings.bound_seconds[number] != float("inf")
        return (number if is_alone else -1, is_step, standings.terms[number].problem)

    for _, members in runs(series, key):
        designs = DesignRange.of(*(space.design(space.candidates[n]) for n in members))
        yield Impossible(designs=designs, proof=_proof(standings, members))


def _proof(standings: Standings, members: Sequence[int]) -> Proof:
    """Of one candidate, or of several that the same rules out."""
    first = members[0]
    if problem := standings.terms[first].problem:
        return _no_such("training", (problem,))
    if first in standings.refusals:
        return _of_refusal(standings.refusals[first])
    if standings.bound_seconds[first] == float("inf"):
        return _no_such("memory", (_NO_ROOM,))
    return _of_target(standings, members)


def _of_target(standings: Standings, members: Sequence[int]) -> Proof:
    """That steps are too long, or with all else the training."""
    target = target_of(standings.space.size)
    assert target is not None
    bounds = {n: float(standings.bound_seconds[n]) for n in members}
    if target.kind is TargetKind.WITHIN:
        times = {n: standings.terms[n].time_seconds(bound) for n, bound in bounds.items()}
        best = min(times, key=lambda n: times[n])
        terms = standings.terms[best].time_terms(bounds[best])
        return Proof(
            quantity="time", unit="seconds", least=times[best], allowed=target.value, terms=terms
        )
    best = min(bounds, key=lambda n: bounds[n])
    return Proof(
        quantity="step",
        unit="seconds",
        least=bounds[best],
        allowed=float(max(standings.allowed_seconds[n] for n in members)),
        terms=_terms(standings.proofs.get(best), bounds[best]),
    )


def _terms(known: StepBound | None, least_seconds: float) -> dict[str, float]:
    """What a bound is made of, as far as the proof in closed form tells."""
    if known is None or known.seconds > least_seconds:
        return {}
    rest = least_seconds - known.seconds
    if rest <= 0:
        return dict(known.phases)
    return {**known.phases, _UNEVEN: rest} if known.proof is StepProof.MEANS else {}


def _of_refusal(refusal: NoPlan) -> Proof:
    """What is short, the first of it in numbers."""
    if not refusal.shortfalls:
        return _no_such("memory", refusal.facts or (_NO_ROOM,))
    short, *others = refusal.shortfalls
    # Numbers say all of one shortage; of rules, and of several shortages, sentences do.
    facts = [*short.reasons, *refusal.facts]
    if others:
        facts += [f"{each.subject}: not enough {each.resource}" for each in refusal.shortfalls]
    return Proof(
        quantity=f"{short.resource} for {short.subject}",
        unit="bytes" if short.unit == "bytes" else "count",
        least=short.needs,
        allowed=max(short.offers, 0.0),
        facts=tuple(dict.fromkeys(facts)),
    )


def _no_such(quantity: str, facts: tuple[str, ...]) -> Proof:
    """One is needed, and there is none."""
    return Proof(quantity=quantity, unit="count", least=1, allowed=0, facts=facts)
