"""What the analytic cost model asks of a phase."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.charge_groups import ChargeGroups
    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.phase import Phase
    from shardplan.cost.profile.phase_file import PhaseFile


class LinearPhase(ABC):
    """A phase whose time on a device is a constant, charges, and what each unit on it adds."""

    about: ClassVar[Phase]
    """Its name, its meaning, and what it hides behind."""
    file: ClassVar[type[PhaseFile] | None] = None
    """What a cost-model file may say of it, under its name; None: no more than all profiles say."""

    @classmethod
    @abstractmethod
    def of(cls, setting: Setting) -> Self | None:
        """The phase of one workload on one topology; None where the step has no such phase."""

    @property
    def phase(self) -> Phase:
        """What others may know of it: ``about``, with its constant and its collectives."""
        return self.about

    @property
    def shares_memory(self) -> bool:
        """Whether devices of a node wait in it for what others do to memory that they share."""
        return False

    @abstractmethod
    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): what each unit adds on each device that it lands on.

        Of memory that devices of a node share: if that many ``devices`` of the node do alike.
        """

    def everywhere_seconds(self, units: Units) -> NDArray[np.float64]:
        """(O,): what each unit adds besides on every device of the node that it lands on."""
        return np.zeros(len(units.options))

    def charge_seconds(self, groups: ChargeGroups) -> NDArray[np.float64]:
        """(G,): what each group adds to the phase, once, as soon as a table of it is so sharded."""
        return np.zeros(len(groups))
