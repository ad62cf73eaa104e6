"""What a placement is judged by: the longest chain of stages, and every form it is needed in.

A *stage* ends when its slowest device ends; a *chain* is a sequence of stages::

    objective = max over chains c of (chain_seconds[c] + sum over stages s of c of stage_seconds[s])
    stage_seconds[s] = max over devices d of load[d, s]

Evaluations, programs and searches ask this module for it, in numbers, in rows of a program, or
smoothed. What else a stage may come to cost, for what is chosen and not for where it lands, is
known here alone: callers say which options are chosen, and where a program has their shares.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.solve.program.program import ProgramBuilder

_CHAIN_EXPONENT = 200
"""How sharply the longest chain is told from the others in ``stage_weights``."""
_SHORTER_CHAINS = 1e-3
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
    def objective(self) -> int:
        """The column that is minimised."""


@dataclass(frozen=True)
class Objective:
    """S stages in C chains, of which the longest counts."""

    chain_of_stage: NDArray[np.int64]
    """(S,): which chain a stage belongs to."""
    chain_seconds: NDArray[np.float64]
    """(C,): seconds of each chain whatever the placement."""

    @property
    def stage_count(self) -> int:
        """S."""
        return len(self.chain_of_stage)

    @property
    def constant_seconds(self) -> float:
        """What no placement can be below."""
        return float(self.chain_seconds.max(initial=0.0))

    @property
    def is_critical(self) -> NDArray[np.bool_]:
        """(S,): whether a stage belongs to the chain that is longest before anything is placed."""
        critical: NDArray[np.bool_] = self.chain_of_stage == self.chain_seconds.argmax()
        return critical

    @cached_property
    def _of_chain(self) -> NDArray[np.float64]:
        """(S, C): 1 where a stage belongs to a chain."""
        member = np.zeros((self.stage_count, len(self.chain_seconds)))
        member[np.arange(self.stage_count), self.chain_of_stage] = 1.0
        return member

    def stage_seconds(
        self, load: NDArray[np.float64], option: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(..., S): how long stages last, from (..., D, S) loads and the (..., n) chosen options.

        Options may come in any order and more than once. Today loads alone decide.
        """
        longest: NDArray[np.float64] = load.max(axis=-2)
        return longest

    def chains(self, stage_seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., C): seconds of each chain, from (..., S) of its stages."""
        seconds: NDArray[np.float64] = stage_seconds @ self._of_chain + self.chain_seconds
        return seconds

    def seconds(self, load: NDArray[np.float64], option: NDArray[np.int64]) -> NDArray[np.float64]:
        """(...): the objective, from (..., D, S) loads and the (..., n) chosen options."""
        longest: NDArray[np.float64] = self.chains(self.stage_seconds(load, option)).max(axis=-1)
        return longest

    def smooth(self, stage_seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """(...): seconds that fall also where a shorter chain does, from (..., S) of stages."""
        chains = self.chains(stage_seconds)
        smooth: NDArray[np.float64] = chains.max(axis=-1) + _SHORTER_CHAINS * chains.sum(axis=-1)
        return smooth

    def stage_weights(self, stage_seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """(R, S): by how much the smooth objective rises with each stage, from (R, S) seconds."""
        chain = self.chains(stage_seconds)
        weight = (chain / chain.max(axis=1, keepdims=True)) ** _CHAIN_EXPONENT
        weight = weight / weight.sum(axis=1, keepdims=True) + _SHORTER_CHAINS
        of_stage: NDArray[np.float64] = weight[:, self.chain_of_stage]
        return of_stage

    def add_chains(self, build: ProgramBuilder, columns: TimeColumns, time_unit: float) -> None:
        """Bound a program's objective, in ``time_unit`` seconds, by all chains from below."""
        chain = build.add_rows(
            "chain",
            [np.arange(len(self.chain_seconds))],
            lower=self.chain_seconds / time_unit,
        )
        build.add_entries(chain, columns.objective, 1.0)
        build.add_entries(chain[self.chain_of_stage], columns.stage, -1.0)

    def renumbered(self, source: NDArray[np.int64]) -> Objective:
        """The objective of a problem whose options are those of ``source`` (n,), or -1 for none.

        Today options have a part in it by their loads alone.
        """
        return self

    def merged(self, groups: Sequence[Sequence[int]]) -> Objective:
        """The same with one stage for each group of stages, which are of one chain."""
        leaders = np.array([stages[0] for stages in groups])
        return replace(self, chain_of_stage=self.chain_of_stage[leaders])
