"""How weights decay, as far as something is kept of each row for it."""

from __future__ import annotations

from enum import StrEnum

from shardplan.workload.optimizers.optimizer_state import StateTensor

PREVIOUS_UPDATE = StateTensor("prev_iter", is_per_row=True)
"""The step in which a row was updated last."""
UPDATES = StateTensor("row_counter", is_per_row=True)
"""How often a row was updated."""


class WeightDecayMode(StrEnum):
    """How weights decay: FBGEMM's ``WeightDecayMode``."""

    NONE = "none"
    L2 = "l2"
    DECOUPLE = "decouple"
    COUNTER = "counter"
    """The less, the more often a row was updated."""
    COWCLIP = "cowclip"
    """With gradients clipped by the norm of a row's weights, and by how often it was updated."""
    DECOUPLE_GLOBAL = "decouple_global"
    """For steps in which a row was not read too, once it is."""

    @property
    def tensors(self) -> tuple[StateTensor, ...]:
        """What is kept of each row for it."""
        if self in (WeightDecayMode.COUNTER, WeightDecayMode.COWCLIP):
            return PREVIOUS_UPDATE, UPDATES
        return (PREVIOUS_UPDATE,) if self is WeightDecayMode.DECOUPLE_GLOBAL else ()

    @property
    def reads_weights_first(self) -> bool:
        """Whether an update reads the weights of a row before it knows by how much to change them:
        added to the gradient, or for their norm."""
        return self in (WeightDecayMode.L2, WeightDecayMode.COUNTER, WeightDecayMode.COWCLIP)
