"""What holds of the tables of modules that do not pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.spec.validation.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.loaded import LoadedSpec


def check_sequences(loaded: LoadedSpec) -> Iterator[Diagnostic]:
    """TorchRec's collections that do not pool have tables of one width, and no type of pooling."""
    spec, first = loaded.spec, dict[str, int]()
    for index, table in enumerate(spec.tables):
        path = table.module_in(spec.defaults)
        module = (spec.modules or {}).get(path)
        if module is None or module.is_pooled:
            continue
        if table.pooling_type is not None:
            message = f"the rows of a module of the kind {module.kind} are not pooled"
            yield loaded.at_table(index, "pooling_type", message, "leave it out")
        other = first.setdefault(path, index)
        dim, wanted = (spec.tables[each].dim or spec.defaults.dim for each in (index, other))
        if dim != wanted:
            message = (
                f"table {show(spec.tables[other].name)} of the same module has {wanted} columns"
            )
            hint = "tables of a collection that does not pool are alike in dim: take two modules"
            key = "dim" if table.dim is not None else "name"
            yield loaded.at_table(index, key, message, hint)
