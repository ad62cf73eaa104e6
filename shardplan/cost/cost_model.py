"""What a cost model must answer; the planner knows no other way to a second or a byte."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from shardplan.sharding.kernel import MemoryTier

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.dense_costs import DenseCosts
    from shardplan.cost.phase import Phase
    from shardplan.options.option_set import OptionSet
    from shardplan.sharding.kernel import Kernel
    from shardplan.workload.wire.reduction import Reduction

TIERS = tuple(tier.name.lower() for tier in MemoryTier)
"""The memory tiers, nearest first: the columns of every array of bytes per tier."""


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """What one unit of each option costs each device that it lands on.

    A *unit* is the part of an option that is placed as a whole: one shard on one device
    (table-wise, column-wise), equal shares on all devices of one node (table-row-wise,
    table-column-wise, grid), or equal shares on every device (row-wise, data-parallel). An option
    has ``column_shards`` units when column-wise or grid, else one. Row blocks are charged as the
    first, which has ``ceil(rows / row_shards)`` rows and, where ids are by frequency, the hottest:
    what others cost less is said by ``BlockCosts``.
    """

    load_seconds: NDArray[np.float64]
    """(O, P): seconds added to each phase; of what the devices of a node share, as if a unit on one
    device had it to itself, and as if all devices used it alike where a unit lands on all of them.
    """
    memory_bytes: NDArray[np.float64]
    """(O, 3): bytes needed in each of ``TIERS``: weights, optimizer state, buffers."""
    spill_seconds: NDArray[np.float64]
    """(O, P): what a unit on one device adds to each phase of every other device of the node, which
    shares memory with it; 0 where nothing is shared."""

    @classmethod
    def unshared(
        cls, load_seconds: NDArray[np.float64], memory_bytes: NDArray[np.float64]
    ) -> UnitCosts:
        """Of units that share no memory with other devices."""
        return cls(load_seconds, memory_bytes, np.zeros_like(load_seconds))

    @property
    def has_spill(self) -> bool:
        """Whether any unit adds to other devices."""
        return bool(self.spill_seconds.any())


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one unit of each option moves between tiers on each device that it lands on, per step.

    (O,) each.
    """

    accesses: NDArray[np.float64]
    """Rows looked up."""
    hit_rates: NDArray[np.float64]
    """Share of the accesses whose row is in HBM when the batch begins."""
    ddr_hit_rates: NDArray[np.float64]
    """The same of HBM and DDR together; 1 where nothing lies on SSD."""
    host_bytes: NDArray[np.float64]
    """Read and written over the device's host link: rows, and optimizer state in DDR."""
    ssd_bytes: NDArray[np.float64]
    """Read of and written to the node's SSD, in whole pages."""


@dataclass(frozen=True, slots=True)
class BlockCosts:
    """What the row blocks of some options cost the devices that hold them, where not all are alike.

    K blocks; those that are left out cost what ``UnitCosts`` says: the first one of each unit, the
    others of hashed tables but for the last. A block costs no more of anything than the first.
    """

    option: NDArray[np.int64]
    """(K,): rising."""
    block: NDArray[np.int64]
    """(K,): which one, counted from 0: the one on that device of those on which a unit lands."""
    load_seconds: NDArray[np.float64]
    """(K, P): seconds added to each phase."""
    memory_bytes: NDArray[np.float64]
    """(K, 3): bytes needed in each of ``TIERS``."""
    traffic: Traffic | None
    """What moves between tiers; None where that is not predicted."""

    @classmethod
    def all_alike(cls, phases: int) -> BlockCosts:
        """Of options whose row blocks are all like the first."""
        none = np.zeros(0, dtype=np.int64)
        return cls(none, none, np.zeros((0, phases)), np.zeros((0, len(TIERS))), None)


@dataclass(frozen=True, slots=True)
class Charges:
    """What phases take once for each group of options, as soon as any option of it is chosen.

    The first table of a sharding type pays for the input distribution of all others, for example.
    A charge is of a phase and of all devices alike. Options of which a plan mixes the caches are
    in the same groups. So are those that keep the same hot rows of a table on devices on which no
    unit of it lands: what these spend on the copies, and hold of them.
    """

    names: tuple[str, ...]
    """(G,): what explanations call each group."""
    of_option: NDArray[np.bool_]
    """(O, G): the groups that each option belongs to."""
    seconds: NDArray[np.float64]
    """(G, P): what each group adds to each phase, never negative."""
    memory_bytes: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, len(TIERS))))
    """(G, 3): what each group needs of each of ``TIERS`` of every device; nothing, left out."""

    def __post_init__(self) -> None:
        """Fill in what was left out."""
        if len(self.memory_bytes) != len(self.seconds):
            object.__setattr__(self, "memory_bytes", np.zeros((len(self.seconds), len(TIERS))))

    def and_besides(self, others: Charges) -> Charges:
        """These groups, and others of the same options."""
        return Charges(
            (*self.names, *others.names),
            np.hstack([self.of_option, others.of_option]),
            np.vstack([self.seconds, others.seconds]),
            np.vstack([self.memory_bytes, others.memory_bytes]),
        )

    @property
    def bytes_of_options(self) -> NDArray[np.float64]:
        """(O, 3): what every device needs for the groups of each option."""
        needed = self.memory_bytes.any(axis=1)
        found: NDArray[np.float64] = self.of_option[:, needed] @ self.memory_bytes[needed]
        return found

    @classmethod
    def none(cls, options: int, phases: int) -> Charges:
        """Of a model that charges for units alone."""
        return cls((), np.zeros((options, 0), dtype=bool), np.zeros((0, phases)))

    @property
    def of_used(self) -> Charges:
        """The groups that any option is in: what is paid where all of the options are chosen."""
        used = np.flatnonzero(np.logical_or.reduce(self.of_option, axis=0))
        names = tuple(self.names[group] for group in used.tolist())
        return Charges(names, self.of_option[:, used], self.seconds[used], self.memory_bytes[used])

    @property
    def total_seconds(self) -> NDArray[np.float64]:
        """(P,): what all groups together add to each phase."""
        total: NDArray[np.float64] = self.seconds.sum(axis=0)
        return total


class CostModel(Protocol):
    """Predicts seconds and bytes for one workload on one topology."""

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases of a step, in the order in which they run."""

    @property
    def dense(self) -> DenseCosts:
        """What the step spends outside the tables."""

    @property
    def base_memory_bytes(self) -> NDArray[np.float64]:
        """(3,): bytes of each of ``TIERS`` that a device needs whatever the placement."""

    @property
    def reduction(self) -> Reduction:
        """How gradients of data-parallel tables are summed: what the training leaves open is
        settled."""

    @property
    def kernels(self) -> frozenset[Kernel]:
        """The kernels that it predicts."""

    @property
    def mixes_caches(self) -> bool:
        """Whether a cache between two sizes costs at most the mix of their bytes and seconds."""

    @property
    def prices_hot_rows(self) -> bool:
        """Whether it predicts rows that every device holds beside its part of the others."""

    def unit_costs(self, options: OptionSet) -> UnitCosts:
        """What each unit of each option costs a device."""

    def mean_seconds(self, options: OptionSet) -> NDArray[np.float64]:
        """(O, P): what a unit adds to each phase of the devices that it lands on, on average; less
        than what it is charged where row blocks are not alike."""

    def block_costs(self, options: OptionSet) -> BlockCosts:
        """What row blocks cost that are not like the first."""

    def charges(self, options: OptionSet) -> Charges:
        """What is paid once for each group of options of which any is chosen."""

    def traffic(self, options: OptionSet) -> Traffic | None:
        """What each unit of each option moves between tiers; None where that is not predicted."""

    def shard_bytes(
        self, options: OptionSet, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(O, 3): bytes of a shard of this size in each of ``TIERS``: weights, state, caches.

        An empty one has none, but of a dynamic table, of which every device has as much.
        """
