"""The modules of a model that no plan can speak of yet, each named with its class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.model.sparse_module import ModuleKind
from shardplan.workload.labels import spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shardplan.model.sparse_module import SparseModule

_HINT = (
    "TorchRec's own collections alone are planned: take it out, or keep it out of the job's "
    "sharding"
)
_MOST = 5
"""Tables that a message names."""
_HINTS = {
    ModuleKind.SHARDED: "give the model as it is before it is sharded",
    ModuleKind.DYNAMIC: "write its tables into the spec by hand, with dynamic: auto, and plan them",
}


def unplanned(modules: Iterable[SparseModule], source: str) -> Iterator[Diagnostic]:
    """A fault for every module whose tables would stay whole, or be trained wrongly.

    ``source`` is what messages call the model. Faults are at ``path``, where the module stands.
    """
    for module in modules:
        path = spoken(module.path)
        if module.collection is None:
            message = f"{module.class_name}: {module.kind.value}{_named(module.table_names)}"
            yield _fault(source, path, message, _HINTS.get(module.kind, _HINT))
        for each in module.unkept:
            where = ".".join(part for part in (module.path, each.name) if part) or path
            yield _fault(source, where, f"{module.class_name}: {each.what}", each.hint)
        for other in module.other_paths:
            message = f"{module.class_name}: the same module as {path}"
            yield _fault(
                source, other, message, "keep one of the two, and call it from both places"
            )


def _named(tables: Sequence[str]) -> str:
    if not tables:
        return ""
    more = f" and {len(tables) - _MOST} more" if len(tables) > _MOST else ""
    return f" ({', '.join(tables[:_MOST])}{more})"


def _fault(source: str, path: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(source, 0, 0, path, message, hint, code="unplanned")
