"""What the phases of a step are predicted from, but for the options."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from shardplan.cost.analytic.collectives import Collectives
from shardplan.cost.analytic.memory import INDEX_BYTES
from shardplan.cost.analytic.reduction.summed import Summed
from shardplan.cost.analytic.reduction.summing import NUMBER_BYTES, Summing
from shardplan.cost.analytic.shares import TableArrays
from shardplan.cost.dense.predict_dense import predict_dense
from shardplan.topology.collective import Collective, Scope
from shardplan.workload.dense.fusion import Fusion

if TYPE_CHECKING:
    from shardplan.cost.dense_costs import DenseCosts
    from shardplan.cost.framework.framework_profile import FrameworkProfile
    from shardplan.cost.phase import Phase
    from shardplan.cost.profile.profile import Profile
    from shardplan.topology.topology import Topology
    from shardplan.workload.training import Training
    from shardplan.workload.wire.reduction import Reduction
    from shardplan.workload.workload import Workload


@dataclass(frozen=True, eq=False)
class Setting:
    """A workload on a topology, with the figures of a profile.

    Collectives are straight lines around the workload's operating point: the buffer that a device
    would have if all tables were table-wise and perfectly balanced. The all-to-all is linearised by
    its tangent there, and its start-up is a constant of the phase; whether the other collectives
    run at all depends on the plan, so that their start-up is paid in proportion to their bytes.
    """

    workload: Workload
    topology: Topology
    profile: Profile
    framework: FrameworkProfile | None = None
    """None: no framework's costs are counted."""

    def repriced(self, profile: Profile, framework: FrameworkProfile | None) -> Setting:
        """The same tables by other figures."""
        other = replace(self, profile=profile, framework=framework)
        vars(other)["tables"] = self.tables
        return other

    def framework_adds_to(self, phase: Phase) -> bool:
        """Whether the framework has figures of a phase."""
        return self.framework is not None and phase.name in self.framework.terms

    def corrections_add_to(self, phase: Phase) -> bool:
        """Whether a correction of the profile adds seconds to a phase."""
        return self.profile.corrections.adds_to(phase.name)

    @property
    def training(self) -> Training:
        """How the workload is trained."""
        return self.workload.training

    @property
    def sums_beside_backward(self) -> bool:
        """Whether the framework sums gradients beside the backward pass of the tables."""
        return self.framework is not None and self.framework.sums_beside_backward

    @property
    def sums_read_rows(self) -> bool:
        """Whether rows of data-parallel tables that no device read are passed over."""
        return self.framework is not None and self.framework.sums_read_rows

    @cached_property
    def dense(self) -> DenseCosts:
        """What the step spends outside the tables, with all its collectives."""
        return predict_dense(
            self.training,
            self.samples,
            self.topology.whole.world,
            self.profile.dense,
            self.collectives_of(self.topology.whole),
            self.framework.fusion if self.framework else Fusion.FUSED,
        )

    @cached_property
    def tables(self) -> TableArrays:
        """The tables of the workload."""
        return TableArrays.of(self.workload, self.topology)

    @cached_property
    def collectives(self) -> Collectives:
        """What collectives take on the topology."""
        return self.collectives_of(self.topology)

    def collectives_of(self, topology: Topology) -> Collectives:
        """What they take among other devices."""
        return Collectives(topology, self.profile)

    @cached_property
    def replicable_weights(self) -> float:
        """Of all tables that fit on a device."""
        tables = self.tables
        weights = tables.rows * tables.dim
        fits = weights * tables.element_bytes <= self.topology.hbm.capacity_bytes
        return float(weights[fits].sum())

    @cached_property
    def reduction(self) -> Reduction:
        """How gradients of data-parallel tables are summed.

        Where that is open, the quickest for all that a plan may replicate: plans of less may do
        better otherwise, so that planning settles it first (``cases_by_sums``).
        """
        asked = self.training.reduction.settled
        return min(asked, key=lambda each: self._summed(each).seconds(self.summed_bytes))

    @property
    def summing(self) -> Summing:
        """By which collectives."""
        return self._summing(self.reduction)

    @property
    def summed(self) -> Summed:
        """What that takes."""
        return self._summed(self.reduction)

    @cached_property
    def summed_bytes(self) -> float:
        """Of the gradients that are summed: the size at which a rate per byte is read.

        Those of all tables that fit on a device. For fewer bytes the rate is then too high, by some
        tens of microseconds in all; read at fewer bytes, all others would be charged the start-up
        of a collective again and again. Across domains the start-up is charged once, of an
        algorithm that is chosen by the size: there no more is taken than the outputs of a device,
        since it does not pay to replicate tables whose gradients exceed the outputs that need not
        be sent.
        """
        held_bytes = self.replicable_weights * NUMBER_BYTES
        course = self.collectives.course(Collective.ALL_REDUCE, Scope.ALL, held_bytes)
        if course is None:
            return held_bytes
        return min(held_bytes, self.output_elements * NUMBER_BYTES)

    def _summing(self, reduction: Reduction) -> Summing:
        return Summing.of(reduction, self.topology.world, self.replicable_weights)

    def _summed(self, reduction: Reduction) -> Summed:
        rate = self.profile.dense_update_bytes_per_second
        return Summed.of(self._summing(reduction), self.collectives, self.summed_bytes, rate)

    @cached_property
    def output_elements(self) -> float:
        """``B * sum(F * D) / W``: F ids where none are pooled: of the outputs of a device.

        Of features with batches of their own size as many as those have.
        """
        return self.samples * float((self.tables.outputs * self.tables.dim).sum())

    @cached_property
    def pooled_elements(self) -> float:
        """Of these, those that are pooled."""
        pooled = self.tables.outputs * self.tables.dim * self.tables.is_pooled
        return self.samples * float(pooled.sum())

    @cached_property
    def expanding_seconds(self) -> float:
        """To make one output for each sample of those of features with batches of their own size.

        Each is read and written once, whatever the placement; so are gradients, summed.
        """
        row_bytes = self.tables.dim * self.tables.output_bytes
        moved_bytes = 2 * self.samples * float((self.tables.expanded * row_bytes).sum())
        return moved_bytes / self.profile.dense_update_bytes_per_second

    @cached_property
    def id_bytes(self) -> float:
        """Of the ids, their weights and the lengths of bags that a device has on average."""
        ids = self.tables.sent * self.tables.id_bytes
        return self.samples * float((ids + self.tables.bags * INDEX_BYTES).sum())

    @cached_property
    def page_share(self) -> float:
        """Of a page of memory, what a sample's outputs fill where tables are spread evenly."""
        pooled = self.tables.bags * self.tables.is_pooled
        output_bytes = float((pooled * self.tables.dim * self.tables.output_bytes).sum())
        return self.profile.page_share(output_bytes / self.topology.world_size)

    @property
    def samples(self) -> float:
        """Of a device's own part of the batch."""
        return self.workload.global_batch / self.topology.world_size
