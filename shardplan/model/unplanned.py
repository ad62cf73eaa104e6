"""The modules of a model that no plan can speak of yet, each named with its class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.model.sparse_module import ModuleKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shardplan.model.sparse_module import SparseModule

_HINT = (
    "EmbeddingBagCollections alone are planned: take it out, or keep it out of the job's sharding"
)
_HINTS = {ModuleKind.SHARDED: "give the model as it is before it is sharded"}


def unplanned(modules: Iterable[SparseModule], source: str) -> Iterator[Diagnostic]:
    """A fault for every module whose tables would stay whole, or be trained wrongly.

    ``source`` is what messages call the model. Faults are at ``path``, where the module stands.
    """
    for module in modules:
        path = module.path or "the model itself"
        if module.kind is not ModuleKind.BAG:
            message = f"{module.class_name}: {module.kind.value}"
            yield _fault(source, path, message, _HINTS.get(module.kind, _HINT))
        for other in module.other_paths:
            message = f"{module.class_name}: the same module as {path}"
            yield _fault(
                source, other, message, "keep one of the two, and call it from both places"
            )


def _fault(source: str, path: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(source, 0, 0, path, message, hint, code="unplanned")
