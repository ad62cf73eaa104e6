"""Samples on their way from outside to the devices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.analytic.memory import INDEX_BYTES
from shardplan.cost.phases import INGEST
from shardplan.units import format_rate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.phase import Phase

_LENGTH_BYTES = 4
"""Of the number of ids that a sample has of one feature."""
_LABEL_BYTES = 4


@dataclass(frozen=True, slots=True)
class Ingest(LinearPhase):
    """What no placement changes: the batch through the nodes' front ends and the host links.

    ``max(B * bytes / (nodes * rate), B / W * bytes / host link)``, beside the step, since data
    loaders run ahead of it (Zhao et al., "Understanding data storage and ingestion for large-scale
    deep recommendation model training", ISCA 2022).
    """

    about = INGEST
    seconds: float
    waits_for: str

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        """None where the topology does not say at which rate samples come in."""
        topology = setting.topology
        rate = topology.ingest_bytes_per_second
        if rate is None:
            return None
        batch_bytes = setting.workload.global_batch * _sample_bytes(setting)
        host_link = topology.host_link_bytes_per_second
        across, inside = (
            batch_bytes / (topology.nodes * rate),
            batch_bytes / (topology.world_size * host_link),
        )
        front_end = f"the {format_rate(rate)} at which samples come into a node"
        link = f"the host link of {format_rate(host_link)}"
        return cls(max(across, inside), front_end if across >= inside else link)

    @property
    def phase(self) -> Phase:
        """Constant, whatever the placement."""
        return replace(self.about, constant_seconds=self.seconds, waits_for=self.waits_for)

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): nothing."""
        return np.zeros(len(units.options))


def _sample_bytes(setting: Setting) -> float:
    """As the spec says, or else ids, how many there are of each feature, and a label."""
    given = setting.training.sample_bytes
    if given is not None:
        return given
    ids = float(setting.tables.pooling.sum())
    features = float(setting.tables.bags.sum())
    return INDEX_BYTES * ids + _LENGTH_BYTES * features + _LABEL_BYTES
