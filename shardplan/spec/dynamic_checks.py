"""Whether what a spec says of dynamic tables fits together: those of a container share a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.spec.validation.wording import show
from shardplan.workload.dynamic.dynamic import DynamicMode
from shardplan.workload.dynamic.layout import STATE_PER_COLUMN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.loaded import LoadedSpec
    from shardplan.spec.spec import Spec
    from shardplan.spec.tables.table_spec import TableSpec


def check_dynamic(loaded: LoadedSpec) -> Iterator[Diagnostic]:
    """Tables with equal options lie in one container, unless one caches and the other does not.

    Then they have one mode, and their budgets are one: all of them say how large it is, or none.
    """
    optimizer = loaded.spec.training.optimizer
    first: dict[tuple[object, ...], tuple[int, TableSpec]] = {}
    for index, table in enumerate(loaded.spec.tables):
        dynamic = table.dynamic
        if dynamic is None:
            continue
        if optimizer not in STATE_PER_COLUMN:
            hint = f"dynamicemb has {', '.join(map(str, STATE_PER_COLUMN))}"
            yield loaded.at_table(index, "dynamic", f"cannot train with {optimizer}", hint)
        caches = dynamic.mode is DynamicMode.CACHING
        for other_caches in (False, True):
            key = (*_options(loaded.spec, table), other_caches)
            _, there = first.get(key, (index, table))
            assert there.dynamic is not None, "only dynamic tables are kept"
            name = show(there.name)
            modes = {dynamic.mode, there.dynamic.mode}
            if len(modes) > 1 and (caches == other_caches or DynamicMode.AUTO in modes):
                message = f"table {name} has the mode {there.dynamic.mode} in the same container"
                hint = "write one mode for both, or tell them apart by another option"
                yield loaded.at_table(index, "dynamic", message, hint)
                break
            is_given = dynamic.hbm_for_values is not None
            if caches == other_caches and is_given != (there.dynamic.hbm_for_values is not None):
                has = "has no" if is_given else "has an"
                message = f"table {name} of the same container {has} hbm_for_values"
                hint = "their budgets are pooled: write one for each of them, or for none"
                yield loaded.at_table(index, "dynamic", message, hint)
                break
        first.setdefault((*_options(loaded.spec, table), caches), (index, table))


def _options(spec: Spec, table: TableSpec) -> tuple[object, ...]:
    """What tables of a container agree in, but for whether they cache."""
    assert table.dynamic is not None, "asked of dynamic tables alone"
    same = table.dynamic.model_copy(update={"mode": DynamicMode.AUTO, "hbm_for_values": None})
    return table.module_in(spec.defaults), table.dtype or spec.defaults.dtype, same
