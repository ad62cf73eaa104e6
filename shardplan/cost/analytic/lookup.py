"""Seconds of the fused lookup, and of the fused backward pass with its optimizer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shardplan.cost.analytic.shares import Shares
    from shardplan.cost.profile.profile import KernelCosts, LookupRates

OUTPUT_ELEMENT_BYTES = 4
"""Outputs and their gradients are fp32 whatever the weights are, unless a module says otherwise."""


@dataclass(frozen=True, eq=False, slots=True)
class LookupSums:
    """The sums, over the shards that a device holds, that a fused kernel's time is linear in.

    The form of the fits to V100 and CPU measurements in Zha et al., "NeuroShard", MLSys 2023
    (arXiv 2305.01868), and its CPU fork citz73/csharding, but that bytes served by the device's
    on-chip cache are told from those read from memory. Arrays of length O.
    """

    tables: NDArray[np.int64]
    ids: NDArray[np.float64]
    read_bytes: NDArray[np.float64]
    """Weights read from memory: of ids that the on-chip cache misses."""
    cached_bytes: NDArray[np.float64]
    """Weights read from the on-chip cache, and those of ids, which lie side by side."""
    fetches: NDArray[np.float64]
    """Rows read from memory: ids that the on-chip cache misses."""
    unique_rows: NDArray[np.float64]
    unique_bytes: NDArray[np.float64]
    """Of the distinct rows: the weights, and in the update the optimizer state too."""
    output_bytes: NDArray[np.float64]
    gathered_bytes: NDArray[np.float64]
    """Outputs (or gradients) picked out of those of all tables: per id and per output, times the
    share of a page that a sample's outputs fill.

    An update visits the gradients in the order of rows, so that each lies in another sample, and
    the pages visited grow with what lies between two samples.
    """

    @classmethod
    def of(
        cls,
        shares: Shares,
        state_row_bytes: NDArray[np.int64] | int = 0,
        page_share: NDArray[np.float64] | float = 0.0,
    ) -> LookupSums:
        """The sums of each unit's share; ``state_row_bytes`` of a row lie beside its weights."""
        row_bytes = shares.columns * shares.element_bytes
        output_row_bytes = shares.columns * shares.output_bytes
        return cls(
            tables=shares.shards,
            ids=shares.ids,
            read_bytes=shares.fetches * row_bytes,
            cached_bytes=(shares.ids - shares.fetches) * row_bytes
            + shares.ids * shares.weight_bytes,
            fetches=shares.fetches,
            unique_rows=shares.unique_rows,
            unique_bytes=shares.unique_rows * (row_bytes + state_row_bytes),
            output_bytes=shares.outputs * output_row_bytes,
            gathered_bytes=(shares.ids + shares.outputs) * output_row_bytes * page_share,
        )

    def seconds(self, rates: LookupRates) -> NDArray[np.float64]:
        """(O,): seconds that each unit adds to the kernel on its device."""
        seconds: NDArray[np.float64] = (
            rates.per_table * self.tables
            + rates.per_id * self.ids
            + rates.per_read_byte * self.read_bytes
            + rates.per_cached_byte * self.cached_bytes
            + rates.per_fetch * self.fetches
            + rates.per_unique_row * self.unique_rows
            + rates.per_unique_byte * self.unique_bytes
            + rates.per_output_byte * self.output_bytes
            + rates.per_gathered_byte * self.gathered_bytes
        )
        return seconds


def host_rates(
    costs: KernelCosts, read_bytes_per_second: float, write_bytes_per_second: float
) -> LookupRates:
    """The rates of rows in host memory, given what one device reads and writes of it per second.

    Distinct rows are written back where the kernel waits for them: the update.
    """
    read, unique = costs.ddr_path.read, costs.ddr_path.unique
    rates = costs.ddr
    if read > 0:
        over_path = 1 / (read * read_bytes_per_second)
        rates = replace(rates, per_read_byte=rates.per_read_byte + over_path)
    if unique > 0:
        slower = min(read_bytes_per_second, write_bytes_per_second)
        rates = replace(rates, per_unique_byte=rates.per_unique_byte + 1 / (unique * slower))
    return rates
