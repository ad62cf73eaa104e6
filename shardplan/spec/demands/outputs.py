"""Formats of outputs that constraints pin, table by table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.spec.matching import TableNames
from shardplan.spec.validation.wording import show
from shardplan.workload.collection import POOLED
from shardplan.workload.labels import labels, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.demands.constraint_spec import ConstraintSpec
    from shardplan.spec.loaded import LoadedSpec
    from shardplan.workload.dtype import Dtype


def pinned_outputs(
    constraints: Sequence[ConstraintSpec], keys: Sequence[tuple[str, str]]
) -> dict[int, tuple[Dtype, ...]]:
    """By positions of tables with these modules and names, the formats, each once."""
    pinning = [each for each in constraints if each.output_dtype is not None]
    if not pinning:
        return {}
    names = TableNames(keys)
    found: dict[int, tuple[Dtype, ...]] = {}
    for each in pinning:
        assert each.output_dtype is not None
        for table in {table for pattern in each.tables for table in names.match(pattern)}:
            found[table] = tuple(dict.fromkeys((*found.get(table, ()), each.output_dtype)))
    return found


def check_outputs(loaded: LoadedSpec, matches: Sequence[tuple[int, ...]]) -> Iterator[Diagnostic]:
    """Outputs of a module lie side by side, in one format: of each module the first that is in
    another one, at the pin that makes it so."""
    spec, called = loaded.spec, labels(loaded.spec.table_keys)
    pinned = pinned_outputs(spec.constraints, spec.table_keys)
    first: dict[str, tuple[int, Dtype]] = {}
    told: set[str] = set()
    for table, (module, _) in enumerate(spec.table_keys) if pinned else ():
        own = (spec.modules or {}).get(module)
        usual = own.collection.output_dtype if own else POOLED.output_dtype
        for dtype in pinned.get(table, (usual,)):
            other, wanted = first.setdefault(module, (table, dtype))
            if dtype is wanted or module in told:
                continue
            told.add(module)
            by = _last_pin(spec.constraints, matches, {other: wanted, table: dtype})
            names = f"{show(called[other])} {wanted} and of {show(called[table])} {dtype}"
            message = f"outputs of {names}, which lie side by side in {spoken(module)}"
            hint = "pin all tables of the module alike, or write output_dtype in modules"
            at = ("constraints", by, "output_dtype")
            yield loaded.document.diagnostic(at, message, hint, "contradiction")


def _last_pin(
    constraints: Sequence[ConstraintSpec],
    matches: Sequence[tuple[int, ...]],
    formats: Mapping[int, Dtype],
) -> int:
    """The last constraint that gives one of these tables its format."""
    return max(
        index
        for index, (each, tables) in enumerate(zip(constraints, matches, strict=True))
        if any(dtype is each.output_dtype and table in tables for table, dtype in formats.items())
    )
