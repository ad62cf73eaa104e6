"""The modules of a model that a job's sharders take, with what each of them allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.errors import InputError
from shardplan.model.sparse_modules import sparse_modules
from shardplan.model.unplanned import unplanned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.diagnostics import Diagnostic
    from shardplan.model.sparse_module import SparseModule, SparseTable


@dataclass(frozen=True, slots=True)
class ShardedModule:
    """A module with tables, and the sharder of its class."""

    found: SparseModule
    sharder: Any
    class_name: str
    """By which TorchRec's sharders are told apart: with the name of its Python module."""

    @property
    def tables(self) -> tuple[SparseTable, ...]:
        """In their order."""
        return self.found.tables

    @property
    def averages(self) -> bool:
        """Whether any of its tables pools means."""
        return any(table.pooling == "mean" for table in self.tables)


def sharded_modules(model: Any, sharders: Sequence[Any]) -> tuple[ShardedModule, ...]:
    """Modules whose class has a sharder; all others stay as they are, as with TorchRec's planner.

    Raises InputError for modules that have a sharder and that no plan can speak of, and for one
    that stands in two places.
    """
    by_class = {_class_name(sharder.module_type): sharder for sharder in sharders}
    modules, faults = [], []
    for found in sparse_modules(model):
        name = _class_name(type(model.get_submodule(found.path)))
        if name not in by_class:
            continue
        faults += [each for each in unplanned([found], "model") if _is_of_module(each, found)]
        modules.append(ShardedModule(found, by_class[name], name))
    if faults:
        raise InputError(faults)
    return tuple(modules)


def _class_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_of_module(fault: Diagnostic, found: SparseModule) -> bool:
    """Whether it is of the module as such: what was done to its tables is the job's, as before."""
    return found.collection is None or fault.path in found.other_paths
