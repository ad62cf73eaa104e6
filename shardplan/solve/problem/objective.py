"""What a placement is judged by: the longest chain of stages, and every form it is needed in.

A *stage* ends when its slowest device ends; a *chain* is a sequence of stages, of which some may
belong to other chains too::

    objective = max over chains c of (chain_seconds[c] + sum over stages s of c of stage_seconds[s])
    stage_seconds[s] = max over devices d of load[d, s] + sum over groups g in use of charge[g, s]

A charge is paid once for a group of options, as soon as any of them is chosen, wherever it lands.

Evaluations, programs and searches ask this module for it, in numbers, in rows of a program, or
smoothed: callers say how many of the chosen options are in each group, which ``uses`` counts, and
where a program has the shares of options.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from shardplan.solve.problem.in_order import sum_in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.solve.problem.charges import Charges
    from shardplan.solve.program.program import ProgramBuilder

LOG2_CHAIN_EXPONENT = 8
"""How sharply the longest chain is told from the others in ``stage_weights``."""
SHORTER_CHAINS = 1e-3
"""What the other chains count while the objective is smooth, so that they do not grow unseen."""


class TimeColumns(Protocol):
    """Where the variables stand that the objective of a program depends on."""

    @property
    def y(self) -> NDArray[np.int64]:
        """(O,): the column of each option's share, -1 where it has none."""

    @property
    def stage(self) -> NDArray[np.int64]:
        """(S,): of the load of each stage's slowest device."""

    @property
    def paid(self) -> NDArray[np.int64]:
        """(G,): of what is paid of each group's charge, as ``add_paid`` made them."""

    @property
    def objective(self) -> int:
        """The column that is minimised."""


@dataclass(frozen=True)
class ChainObjective:
    """S stages in C chains, of which the longest counts."""

    in_chain: NDArray[np.bool_]
    """(S, C): whether a stage belongs to a chain; every one belongs to some."""
    chain_seconds: NDArray[np.float64]
    """(C,): seconds of each chain whatever the placement."""
    charges: Charges | None = None
    """What is paid once for groups of options; None: nothing is."""

    @property
    def stage_count(self) -> int:
        """S."""
        return len(self.in_chain)

    @property
    def constant_seconds(self) -> float:
        """What no placement can be below."""
        return float(self.chain_seconds.max(initial=0.0))

    @property
    def is_critical(self) -> NDArray[np.bool_]:
        """(S,): whether a stage belongs to the chain that is longest before anything is placed."""
        critical: NDArray[np.bool_] = self.in_chain[:, self.chain_seconds.argmax()]
        return critical

    @cached_property
    def _of_chain(self) -> NDArray[np.float64]:
        """(S, C): 1 where a stage belongs to a chain."""
        return self.in_chain.astype(np.float64)

    def uses(self, option: NDArray[np.int64]) -> NDArray[np.int32]:
        """(..., G): how many of the (..., n) chosen options are in each group that is charged for.

        Options may come in any order and more than once.
        """
        if self.charges is None:
            return np.zeros((*option.shape[:-1], 0), dtype=np.int32)
        return self.charges.uses(option)

    def paid_seconds(self, uses: NDArray[np.int32]) -> NDArray[np.float64]:
        """(..., S): what is paid of the groups with any (..., G) uses."""
        if self.charges is None:
            return np.zeros((*uses.shape[:-1], self.stage_count))
        return self.charges.stage_seconds(uses)

    def is_paid_for(self, option: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
        """(count,): which of all options cost no charge beside the (n,) chosen ones."""
        if self.charges is None:
            return np.ones(count, dtype=bool)
        return self.charges.open_to(self.charges.uses(option) > 0)

    def stage_seconds(
        self, load: NDArray[np.float64], uses: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """(..., S): how long stages last, from (..., D, S) loads and (..., G) ``uses``."""
        longest: NDArray[np.float64] = load.max(axis=-2)
        return longest if self.charges is None else longest + self.charges.stage_seconds(uses)

    def chains(self, stage_seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., C): seconds of each chain, from (..., S) of its stages."""
        together = sum_in_order(stage_seconds[..., None] * self._of_chain, axis=-2)
        seconds: NDArray[np.float64] = together + self.chain_seconds
        return seconds

    def seconds(self, load: NDArray[np.float64], uses: NDArray[np.int32]) -> NDArray[np.float64]:
        """(...): the objective, from (..., D, S) loads and (..., G) ``uses``."""
        longest: NDArray[np.float64] = self.chains(self.stage_seconds(load, uses)).max(axis=-1)
        return longest

    def smooth(self, stage_seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """(...): seconds that fall also where a shorter chain does, from (..., S) of stages."""
        chains = self.chains(stage_seconds)
        smooth: NDArray[np.float64] = chains.max(axis=-1) + SHORTER_CHAINS * chains.sum(axis=-1)
        return smooth

    def stage_weights(self, stage_seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """(R, S): by how much the smooth objective rises with each stage, from (R, S) seconds."""
        chain = self.chains(stage_seconds)
        weight = chain / chain.max(axis=1, keepdims=True)
        for _ in range(LOG2_CHAIN_EXPONENT):
            weight *= weight
        weight = weight / sum_in_order(weight, axis=1)[:, None] + SHORTER_CHAINS
        return sum_in_order(weight[:, None] * self._of_chain, axis=2)

    def add_paid(self, build: ProgramBuilder, *, whole: bool = False) -> NDArray[np.int64]:
        """(G,): columns for how much of each group's charge a program pays; ``whole``: all of it or
        none."""
        if self.charges is None:
            return np.zeros(0, dtype=np.int64)
        groups = np.arange(self.charges.count)
        return build.add_columns("paid", [groups], upper=1.0, integer=whole)

    def add_chains(
        self,
        build: ProgramBuilder,
        columns: TimeColumns,
        item_of_option: NDArray[np.int64],
        time_unit: float,
    ) -> None:
        """Bound a program's objective, in ``time_unit`` seconds, by all chains from below."""
        chain = build.add_rows(
            "chain",
            [np.arange(len(self.chain_seconds))],
            lower=self.chain_seconds / time_unit,
        )
        build.add_entries(chain, columns.objective, 1.0)
        stage, of = np.nonzero(self.in_chain)
        build.add_entries(chain[of], columns.stage[stage], -1.0)
        if self.charges is not None:
            charge = self.charges.seconds @ self._of_chain / time_unit
            build.add_entries(chain[None, :], columns.paid[:, None], -charge)
            self.charges.add_rows(build, columns.paid, columns.y, item_of_option)

    def renumbered(self, source: NDArray[np.int64]) -> ChainObjective:
        """The objective of a problem whose options are those of ``source`` (n,), or -1 for none."""
        if self.charges is None:
            return self
        return replace(self, charges=self.charges.renumbered(source))

    def merged(self, groups: Sequence[Sequence[int]]) -> ChainObjective:
        """The same with one stage for each group of stages, which are of the same chains."""
        leaders = np.array([stages[0] for stages in groups])
        charges = None if self.charges is None else self.charges.merged(groups)
        return replace(self, in_chain=self.in_chain[leaders], charges=charges)

    def paying(self, is_paid: NDArray[np.bool_]) -> ChainObjective:
        """The same where the groups of a mask (G,) are paid for whatever else is chosen."""
        if self.charges is None or not is_paid.any():
            return self
        paid = self.charges.seconds[is_paid].sum(axis=0) @ self._of_chain
        return replace(
            self,
            chain_seconds=self.chain_seconds + paid,
            charges=self.charges.only(~is_paid),
        )
