"""Standings -> Front."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.plan.file.fingerprint import fingerprint_of_job
from shardplan.size.answer.design import DesignRange
from shardplan.size.answer.dominated import Dominated
from shardplan.size.answer.front import Front
from shardplan.size.answer.open import Open, OpenReason
from shardplan.size.answer.point import Point
from shardplan.size.answer.price_facts import PriceFacts
from shardplan.size.search.first_bounds import series_of
from shardplan.size.search.impossibles import excluded, impossible_runs
from shardplan.size.search.runs import runs
from shardplan.size.search.standings import Effort
from shardplan.size.terms.samples import common_samples
from shardplan.size.terms.terms import Terms, target_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from shardplan.size.answer.design import Design
    from shardplan.size.search.size_settings import SizeSettings
    from shardplan.size.search.standings import Standings
    from shardplan.size.space.space import Space


def answered(standings: Standings, settings: SizeSettings, *, is_interrupted: bool) -> Front:
    """What is known of every candidate, each told once."""
    space = standings.space
    assembly = _Assembly(
        standings,
        standings.is_decided(settings.decided_gap),
        standings.beaten_by,
        OpenReason.INTERRUPTED if is_interrupted else OpenReason.TIME_LIMIT,
    )
    every = series_of(space)
    behind = [each for series in every for each in assembly.behind(series)]
    impossible = [each for series in every for each in impossible_runs(standings, series)]
    return Front(
        name=space.name,
        minimise=space.size.goals,
        target=target_of(space.size),
        samples=common_samples(space.size),
        currency=space.size.currency,
        gap=settings.gap,
        seed=settings.seed,
        candidates=len(space.candidates) + len(space.excluded),
        solved=int((standings.effort == Effort.FULL).sum()),
        cut_off=len(standings.cut_off),
        points=Front.sorted(tuple(map(assembly.point, standings.front.tolist()))),
        dominated=tuple(each for each in behind if isinstance(each, Dominated)),
        impossible=(*excluded(space), *impossible),
        open=tuple(each for each in behind if isinstance(each, Open)),
        prices=tuple(_prices(space)),
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Assembly:
    """Points and proofs of some standings."""

    standings: Standings
    is_decided: NDArray[np.bool_]
    """(C,)"""
    beaten_by: NDArray[np.int64]
    """(C,): the candidate of the front that is no worse than the bounds; -1 for none."""
    cut_off: OpenReason
    """Why candidates were not looked at further."""

    def point(self, number: int) -> Point:
        """Of a candidate that has a plan."""
        standings = self.standings
        terms, solved = standings.terms[number], standings.solved[number]
        step, bound = solved.step_seconds, self._bound(number)
        return Point(
            design=self._design(number),
            plan_sha256=fingerprint_of_job(solved.plan),
            is_greedy=bool(standings.effort[number] < Effort.FULL),
            step_seconds=step,
            step_bound_seconds=bound,
            samples_per_second=terms.batch / step,
            samples=terms.samples,
            time_seconds=terms.time_seconds(step),
            time_bound_seconds=terms.time_seconds(bound),
            time_terms=terms.time_terms(step),
            cost=terms.cost(step),
            cost_bound=terms.cost(bound),
            cost_terms=terms.cost_terms(step),
            anatomy=solved.anatomy,
        )

    def behind(self, series: Sequence[int]) -> Iterator[Dominated | Open]:
        """What of a series is neither impossible nor on the front; those without a plan that the
        same is said of are told together."""
        on_front = set(self.standings.front.tolist())
        is_possible = self.standings.is_possible

        def key(number: int) -> tuple[int, OpenReason | None, int] | None:
            if not is_possible[number] or number in on_front:
                return None
            by = int(self.beaten_by[number])
            alone = number if number in self.standings.solved else -1
            return (by, None, alone) if by >= 0 else (by, self._reason(number), alone)

        for (by, reason, alone), members in runs(series, key):
            terms = [self.standings.terms[n] for n in members]
            bounds = [self._bound(n) for n in members]
            told: dict[str, Any] = {
                "designs": DesignRange.of(*map(self._design, members)),
                "step_bound_seconds": min(bounds),
                "time_bound_seconds": min(map(Terms.time_seconds, terms, bounds)),
                "cost_bound": min(map(Terms.cost, terms, bounds)),
                "point": self.point(alone) if alone >= 0 else None,
            }
            yield Open(reason=reason, **told) if reason else Dominated(by=self._design(by), **told)

    def _reason(self, number: int) -> OpenReason:
        """Why it may still belong to the front."""
        standings = self.standings
        is_done = self.is_decided[number] or standings.effort[number] == Effort.FULL
        is_short = standings.step_seconds[number] > standings.allowed_seconds[number]
        if is_done and is_short and number in standings.solved:
            return OpenReason.NOT_REACHED
        if self.is_decided[number]:
            return OpenReason.WITHIN_GAP
        if is_done and number in standings.solved:
            return OpenReason.GAP_LEFT
        if number in standings.unfound and self.cut_off is not OpenReason.INTERRUPTED:
            return OpenReason.NO_PLAN
        return self.cut_off

    def _design(self, number: int) -> Design:
        return self.standings.space.design(self.standings.space.candidates[number])

    def _bound(self, number: int) -> float:
        """Never above the plan, from which rounding may keep it."""
        known = self.standings
        return float(min(known.bound_seconds[number], known.step_seconds[number]))


def _prices(space: Space) -> Iterator[PriceFacts]:
    """Of the machines that have one."""
    for offer in space.offers:
        price, asked = offer.spec.node_per_hour, offer.spec.price
        if price is not None:
            said = (asked.source, asked.kind, asked.region) if asked else ()
            yield PriceFacts(
                machine=offer.name,
                per_node_hour=price.amount,
                is_own=asked is None,
                provenance=asked.provenance if asked else None,
                source=", ".join(filter(None, said)),
                date=(asked.date if asked else None) or "",
            )
