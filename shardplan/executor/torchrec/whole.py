"""What of a wrapped model is sparse, and sharded by nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.model.sparse_module import ModuleKind
from shardplan.model.sparse_modules import sparse_modules

if TYPE_CHECKING:
    import torch

    from shardplan.plan.file.plan import Plan


def whole_modules(wrapped: torch.nn.Module, plan: Plan) -> list[str]:
    """Paths of sparse modules that stand whole on every rank, and of planned ones that are gone.

    Of the model inside ``DistributedModelParallel``, which leaves whatever its plan does not name
    as it is, and says nothing.
    """
    found = {module.path: module.kind for module in sparse_modules(wrapped)}
    sharded = {path for path, kind in found.items() if kind is ModuleKind.SHARDED}
    return sorted((found.keys() | plan.plan.keys()) - (sharded & plan.plan.keys()))
