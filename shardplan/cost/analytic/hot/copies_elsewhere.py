"""Copies of hot rows on devices on which the other rows of their tables do not lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.cost_model import Charges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.cost.cost_model import UnitCosts
    from shardplan.options.option_set import OptionSet
    from shardplan.workload.table import Table


@dataclass(frozen=True, eq=False, slots=True)
class CopiesElsewhere:
    """G numbers of hot rows of tables: what each takes is the same on every device, wherever the
    units of O options land that keep them."""

    copied: OptionSet
    """(G,): an option of each."""
    of_option: NDArray[np.bool_]
    """(O, G): which of them an option keeps; of types that land everywhere none."""

    @classmethod
    def of(cls, options: OptionSet) -> Self:
        """Those of any options."""
        keep = np.flatnonzero(options.has_type(lambda kind: kind.keeps_copies_elsewhere))
        pairs = np.stack([options.table[keep].astype(np.int64), options.hot_rows[keep]])
        _, first, group = np.unique(pairs, axis=1, return_index=True, return_inverse=True)
        of_option = np.zeros((len(options), len(first)), dtype=bool)
        of_option[keep, group.reshape(-1)] = True
        return cls(options.take(keep[first]), of_option)

    def charges(self, costs: UnitCosts, tables: Sequence[Table]) -> Charges:
        """As groups of the options; ``costs`` has what a device spends on each, and holds."""
        pairs = zip(self.copied.hot_rows.tolist(), self.copied.table.tolist(), strict=True)
        names = tuple(f"{count:,} hot rows of {tables[table].label}" for count, table in pairs)
        return Charges(names, self.of_option, costs.load_seconds, costs.memory_bytes)
