"""The optimizers that a model gives to its tables itself, by ``apply_optimizer_in_backward``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shardplan.model.sparse_module import SparseModule, SparseTable

OPTIMIZER_CLASSES = {
    Optimizer.SGD: "SGD",
    Optimizer.ADAGRAD: "Adagrad",
    Optimizer.ROWWISE_ADAGRAD: "RowWiseAdagrad",
    Optimizer.ADAM: "Adam",
    Optimizer.LAMB: "LAMB",
    Optimizer.PARTIAL_ROWWISE_ADAM: "PartialRowWiseAdam",
    Optimizer.PARTIAL_ROWWISE_LAMB: "PartialRowWiseLAMB",
    Optimizer.LARS_SGD: "LarsSGD",
}
"""By the class that sets it: all for which TorchRec 1.8 has one (``distributed/utils.py``)."""
RATES = ("lr", "learning_rate", "eps", "betas", "beta1", "beta2")
"""What fused optimizers follow of its arguments."""
_OWN_RATES = {
    "LAMB": ("weight_decay",),
    "PartialRowWiseAdam": ("weight_decay",),
    "PartialRowWiseLAMB": ("weight_decay",),
    "LarsSGD": ("weight_decay", "momentum", "eta"),
}
"""The same of single classes, which are nothing but names of FBGEMM's: PyTorch has none of them."""


def optimizer_of(modules: Iterable[SparseModule]) -> Optimizer | None:
    """The optimizer that the model sets; None where it sets none, or several."""
    given = _given(modules)
    return next((kind for kind, name in OPTIMIZER_CLASSES.items() if given == {(name,)}), None)


def _given(modules: Iterable[SparseModule]) -> set[tuple[str, ...]]:
    """What is set of any table."""
    return {table.optimizers for module in modules for table in module.tables if table.optimizers}


def unfollowed(table: SparseTable) -> str:
    """What the model asks of a table's optimizer, and fused ones would not do like it."""
    followed = {*RATES, *(name for each in table.optimizers for name in _OWN_RATES.get(each, ()))}
    asked = [f"{name}={value}" for name, value in table.optimizer_settings
             if name not in followed and value]  # fmt: skip
    return ", ".join(asked)


def optimizer_faults(modules: Iterable[SparseModule], source: str) -> Iterator[Diagnostic]:
    """Tables that no plan can train as the model says: a plan has one optimizer for all."""
    modules = tuple(modules)
    given = _given(modules)
    is_one = len(given) <= 1 and given <= {(name,) for name in OPTIMIZER_CLASSES.values()}
    for module in modules:
        for table in module.tables:
            where = ".".join(part for part in (module.path, table.name) if part)
            if table.optimizers and not is_one:
                message = f"{module.class_name}: it is trained by {', '.join(table.optimizers)}"
                hint = f"a plan has one for all tables: {', '.join(OPTIMIZER_CLASSES.values())}"
                yield Diagnostic(source, 0, 0, where, message, hint, code="optimizer")
            if more := unfollowed(table):
                message = (
                    f"{module.class_name}: it is trained with {more}, which no fused optimizer "
                    "does like it"
                )
                hint = f"set the optimizer with {', '.join(RATES)} alone"
                yield Diagnostic(source, 0, 0, where, message, hint, code="optimizer")
