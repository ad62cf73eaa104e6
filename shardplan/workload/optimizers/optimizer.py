"""The fused optimizers of embedding tables, by their traits: state, passes, where they train."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from shardplan.registry import Named, Registry
from shardplan.workload.optimizers.optimizer_state import OptimizerState, StateTensor
from shardplan.workload.optimizers.weight_decay import UPDATES, WeightDecayMode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.workload.dtype import Dtype


@dataclass(frozen=True, eq=False, repr=False)
class Optimizer(Named):
    """The fused optimizers of embedding tables.

    Traits are FBGEMM 1.8's: of ``split_table_batched_embeddings_ops_training.py`` the state, what
    runs on CPU and what takes batches of a feature's own size; of ``tbe/ssd/training.py`` what
    trains from SSD; of ``codegen/genscript/optimizers.py`` what an update reads.
    """

    name: str
    title: str
    """As people write it."""
    fbgemm: str
    """A member of its ``EmbOptimType``."""
    tensors: tuple[StateTensor, ...] = ()
    """What is kept, whatever the settings."""
    scales_by_norm: bool = False
    """Whether the norm of a row's weights scales its update, so that they are read once more."""
    trains_on_cpu: bool = False
    """Whether FBGEMM has it for CPUs too."""
    trains_from_ssd: bool = False
    """Whether FBGEMM trains rows on SSD with it."""
    ssd_tensors: tuple[StateTensor, ...] = ()
    """What is kept besides of rows on SSD."""
    takes_own_batches: bool = False
    """Whether FBGEMM trains features with batches of their own size with it."""
    state_dtypes: tuple[str, ...] = ()
    """The state whose number format a job may choose."""
    decay_modes: tuple[WeightDecayMode, ...] = (WeightDecayMode.NONE,)
    """The modes of weight decay that FBGEMM has for it."""
    trains_natively: bool = False
    """Whether shardplan's own engine trains with it."""
    corrects_rows: bool = False
    """Whether it can correct its bias by how often each row was updated."""

    SGD: ClassVar[Optimizer]
    ADAGRAD: ClassVar[Optimizer]
    ROWWISE_ADAGRAD: ClassVar[Optimizer]
    """One sum of squares for each row."""
    ADAM: ClassVar[Optimizer]
    LAMB: ClassVar[Optimizer]
    PARTIAL_ROWWISE_ADAM: ClassVar[Optimizer]
    """Adam with one second moment for each row."""
    PARTIAL_ROWWISE_LAMB: ClassVar[Optimizer]
    """LAMB likewise."""
    LARS_SGD: ClassVar[Optimizer]
    ENSEMBLE_ROWWISE_ADAGRAD: ClassVar[Optimizer]
    """Row-wise Adagrad with a slow copy of the weights."""
    EMA_IN_PLACE_ROWWISE_ADAGRAD: ClassVar[Optimizer]
    """Row-wise Adagrad; half of the columns are a slow copy of the other half."""

    @classmethod
    def registry(cls) -> Registry[Optimizer]:
        """All optimizers."""
        return OPTIMIZERS

    @property
    def couples_columns(self) -> bool:
        """Whether what becomes of a column depends on the others of its shard.

        Something is kept of each row of a shard, or its norm scales updates: columns that are cut
        apart would each adapt on their own.
        """
        return bool(self.coupling)

    @property
    def coupling(self) -> str:
        """Why columns are coupled, as a sentence; empty where they are not."""
        if any(tensor.is_per_row for tensor in self.tensors):
            return f"{self.title} keeps one number per row of each column shard"
        if self.scales_by_norm:
            return f"{self.title} scales updates by the norms of the rows of each column shard"
        return ""

    @property
    def numbers_per_parameter(self) -> int:
        """What it keeps of each parameter that is in no row, as those of dense layers are."""
        return len(self.tensors)

    def state(
        self,
        decay: WeightDecayMode = WeightDecayMode.NONE,
        dtypes: Mapping[str, Dtype] | None = None,
        corrects_rows: bool = False,
    ) -> OptimizerState:
        """What is kept beside the rows of tables.

        ``dtypes`` are number formats by name; ``corrects_rows``: whether Adam corrects its bias by
        how often each row was updated.
        """
        given = dtypes or {}
        tensors = [replace(each, dtype=given.get(each.name, each.dtype)) for each in self.tensors]
        tensors += [*decay.tensors, *((UPDATES,) if corrects_rows else ())]
        reads_first = self.scales_by_norm or decay.reads_weights_first
        names = {each.name for each in tensors}
        on_ssd = tuple(each for each in self.ssd_tensors if each.name not in names)
        return OptimizerState(tuple(tensors), on_ssd, 1 + reads_first)


OPTIMIZERS: Registry[Optimizer] = Registry()
"""The optimizers, those that were added last included."""


_PLAIN_DECAY = (WeightDecayMode.NONE, WeightDecayMode.L2, WeightDecayMode.DECOUPLE)


def _per_row(name: str) -> StateTensor:
    return StateTensor(name, is_per_row=True)


def _per_weight(name: str) -> StateTensor:
    return StateTensor(name, is_per_row=False)


_add = OPTIMIZERS.add
_FIRST, _SECOND = "momentum1", "momentum2"

Optimizer.SGD = _add(
    Optimizer(
        "sgd",
        "SGD",
        "EXACT_SGD",
        trains_on_cpu=True,
        takes_own_batches=True,
        trains_natively=True,
    )
)
Optimizer.ADAGRAD = _add(
    Optimizer(
        "adagrad",
        "Adagrad",
        "EXACT_ADAGRAD",
        (_per_weight(_FIRST),),
        trains_on_cpu=True,
        trains_natively=True,
    )
)
Optimizer.ROWWISE_ADAGRAD = _add(
    Optimizer(
        "rowwise_adagrad",
        "row-wise Adagrad",
        "EXACT_ROWWISE_ADAGRAD",
        (_per_row(_FIRST),),
        trains_on_cpu=True,
        trains_from_ssd=True,
        takes_own_batches=True,
        decay_modes=tuple(WeightDecayMode),
        trains_natively=True,
    )
)
Optimizer.ADAM = _add(
    Optimizer(
        "adam",
        "Adam",
        "ADAM",
        (_per_weight(_FIRST), _per_weight(_SECOND)),
        trains_from_ssd=True,
        ssd_tensors=(UPDATES,),
        takes_own_batches=True,
        trains_natively=True,
        corrects_rows=True,
    )
)
Optimizer.LAMB = _add(
    Optimizer(
        "lamb", "LAMB", "LAMB", (_per_weight(_FIRST), _per_weight(_SECOND)), scales_by_norm=True
    )
)
Optimizer.PARTIAL_ROWWISE_ADAM = _add(
    Optimizer(
        "partial_rowwise_adam",
        "partial row-wise Adam",
        "PARTIAL_ROWWISE_ADAM",
        (_per_weight(_FIRST), _per_row(_SECOND)),
        trains_from_ssd=True,
        state_dtypes=(_FIRST, _SECOND),
    )
)
Optimizer.PARTIAL_ROWWISE_LAMB = _add(
    Optimizer(
        "partial_rowwise_lamb",
        "partial row-wise LAMB",
        "PARTIAL_ROWWISE_LAMB",
        (_per_weight(_FIRST), _per_row(_SECOND)),
        scales_by_norm=True,
    )
)
Optimizer.LARS_SGD = _add(
    Optimizer("lars_sgd", "LARS", "LARS_SGD", (_per_weight(_FIRST),), scales_by_norm=True)
)
Optimizer.ENSEMBLE_ROWWISE_ADAGRAD = _add(
    Optimizer(
        "ensemble_rowwise_adagrad",
        "ensemble row-wise Adagrad",
        "ENSEMBLE_ROWWISE_ADAGRAD",
        (_per_row(_FIRST), StateTensor(_SECOND, is_per_row=False, is_touched=False)),
        takes_own_batches=True,
        state_dtypes=(_SECOND,),
        decay_modes=_PLAIN_DECAY,
    )
)
Optimizer.EMA_IN_PLACE_ROWWISE_ADAGRAD = _add(
    Optimizer(
        "ema_in_place_rowwise_adagrad",
        "row-wise Adagrad with EMA in place",
        "EMAINPLACE_ROWWISE_ADAGRAD",
        (_per_row(_FIRST),),
        trains_on_cpu=True,
        takes_own_batches=True,
        decay_modes=_PLAIN_DECAY,
    )
)
