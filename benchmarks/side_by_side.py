"""Plans that were trained in the same rounds, one held against the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from executed_rows import OURS, Series
from pair_order import ALIKE, PairOrder

from shardplan.tune.race.paired_times import PairedTimes
from shardplan.tune.tune_params import RaceParams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from executed_rows import StepRow

ERROR = 0.05
"""The chance that two plans are said to differ that do not, to either side, of all that one of them
was chosen from."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """What one plan takes over what another takes, round by round."""

    median: float
    low: float
    """The quartiles."""
    high: float
    differs: bool
    """From 1, by more than noise."""


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Rows of one model whose rounds are the same ones."""

    rows: tuple[StepRow, ...]

    @classmethod
    def all_of(cls, rows: Iterable[StepRow], series: Series) -> list[SideBySide]:
        """By engine and model, but where engines are compared, by model; known ones come first."""
        found: dict[tuple[str, bool, str], list[StepRow]] = {}
        for row in rows:
            if row.series == series:
                engine = "" if series is Series.ENGINES else row.engine
                found.setdefault((engine, row.is_known, row.model), []).append(row)
        order = sorted(found, key=lambda key: (key[0] != "torchrec", not key[1]))
        return [cls(tuple(found[key])) for key in order]

    @property
    def engine(self) -> str:
        """That of the first row."""
        return self.rows[0].engine

    @property
    def is_known(self) -> bool:
        """Whether the model stands in the benchmark."""
        return self.rows[0].is_known

    @property
    def model(self) -> str:
        """Of all rows."""
        return self.rows[0].model

    @property
    def ours(self) -> StepRow:
        """shardplan's plan, of all sharding types."""
        (found,) = (row for row in self.rows if OURS in row.contenders)
        return found

    def of(self, contender: str) -> StepRow | None:
        """None where it made no plan."""
        return next((row for row in self.rows if contender in row.contenders), None)

    def of_engine(self, engine: str, optimizer: str) -> StepRow:
        """Where engines are compared."""
        (found,) = (r for r in self.rows if (r.engine, r.optimizer) == (engine, optimizer))
        return found

    @property
    def best_other(self) -> StepRow | None:
        """The fastest of the plans that others made; it may be shardplan's too."""
        others = [row for row in self.rows if row.others]
        return min(others, key=lambda row: row.median_seconds, default=None)

    @property
    def order(self) -> PairOrder:
        """By prediction, of all pairs of plans of which one takes more than a twentieth longer."""
        return self._order(self._by_clock.ratio)

    @property
    def certain_order(self) -> PairOrder:
        """Of those pairs alone of which one is certain to."""
        return self._order(partial(self._by_clock.ratio_above, tail=ERROR / 2))

    def against_best_other(self, of: str = OURS) -> Ratio | None:
        """The best other plan over one of shardplan's; None where there is none."""
        best, own = self.best_other, self.of(of)
        others = sum(bool(row.others) and row is not own for row in self.rows)
        return self.ratio(best, own, max(others, 1)) if best and own else None

    def against(self, contender: str) -> Ratio | None:
        """Another's plan over shardplan's."""
        row = self.of(contender)
        return row and self.ratio(row, self.ours)

    def ratio(
        self, row: StepRow, other: StepRow, rivals: int = 1, *, on_core: bool = False
    ) -> Ratio:
        """By the clock, or on a core; ``rivals`` is among how many ``row`` was chosen."""
        times = self._on_core if on_core else self._by_clock
        one, two = (self._position(each) for each in (row, other))
        ratios = times.seconds[:, one] / times.seconds[:, two]
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75]).tolist()
        tail = ERROR / 2 / rivals
        differs = any(times.ratio_above(*pair, tail) > 1 for pair in ((one, two), (two, one)))
        return Ratio(middle, low, high, differs)

    def _order(self, ratio: Callable[[int, int], float]) -> PairOrder:
        """Of the pairs whose ratio says that the first takes more than a twentieth longer."""
        differing = [
            self.rows[slow].predicted_seconds > self.rows[fast].predicted_seconds
            for slow, fast in permutations(range(len(self.rows)), 2)
            if ratio(slow, fast) > 1 + ALIKE
        ]
        return PairOrder(len(differing), sum(differing))

    def _position(self, row: StepRow) -> int:
        return next(at for at, each in enumerate(self.rows) if each is row)

    @cached_property
    def _by_clock(self) -> PairedTimes:
        return PairedTimes(np.array([row.seconds for row in self.rows]).T, RaceParams())

    @cached_property
    def _on_core(self) -> PairedTimes:
        return PairedTimes(np.array([row.core_seconds for row in self.rows]).T, RaceParams())
