"""Where a plan and a model differ, and what of the model no plan speaks of; for all engines."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Protocol

from shardplan.diagnostics import Diagnostic
from shardplan.model.optimizers import OPTIMIZER_CLASSES, RATES, unfollowed
from shardplan.model.unplanned import unplanned
from shardplan.sharding.geometry import padded_columns
from shardplan.workload.labels import spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from shardplan.model.sparse_module import SparseModule, SparseTable
    from shardplan.workload.collection import Collection
    from shardplan.workload.dtype import Dtype
    from shardplan.workload.optimizers.optimizer import Optimizer

_SOLVE_AGAIN = "solve again with the model's tables in the spec"


class TableOfPlan(Protocol):
    """A table as any reader of a plan has it."""

    @property
    def name(self) -> str: ...
    @property
    def module(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def dim(self) -> int: ...
    @property
    def dtype(self) -> Dtype: ...
    @property
    def features(self) -> tuple[str, ...]: ...
    @property
    def is_mean(self) -> bool: ...


def model_faults(
    plan: str,
    tables: Sequence[TableOfPlan],
    modules: Iterable[SparseModule],
    collection_of: Callable[[str], Collection],
) -> Iterator[Diagnostic]:
    """Every sparse module that the plan does not have, and every table that differs.

    ``plan`` is its name; ``tables`` are all that it places, in modules of the kinds that
    ``collection_of`` says. Whatever is sparse and has no plan would stay whole on every rank, and
    train there on its own.
    """
    modules = tuple(modules)
    yield from unplanned(modules, "model")
    known = {m.path: m for m in modules if m.collection is not None}
    refused = [m.path for m in modules if m.collection is None]
    planned: dict[str, dict[str, TableOfPlan]] = {
        module: {} for module in dict.fromkeys(table.module for table in tables)
    }
    for table in tables:
        planned[table.module][table.name] = table
    for path, theirs in planned.items():
        if path in known:
            yield from _kind_faults(plan, collection_of(path), known[path])
            yield from _table_faults(plan, theirs.values(), known[path], known.values())
        elif not any(_is_within(path, each) for each in refused):
            yield _unknown_module(plan, path, [*known])
    for path, there in known.items():
        if path not in planned:
            names = ", ".join(table.name for table in there.tables[:3])
            more = ", ..." if len(there.tables) > 3 else ""
            message = f"{there.class_name}: the plan has none of its tables ({names}{more})"
            yield _fault("model", spoken(path), message, _SOLVE_AGAIN)
            continue
        for name in (table.name for table in there.tables):
            if name not in planned[path]:
                message = f"lacks {name!r}, a table of the model's {path!r}"
                yield _fault(plan, f"plan.{path}", message, _SOLVE_AGAIN)


def optimizer_class_faults(
    plan: str, optimizer: Optimizer, modules: Iterable[SparseModule]
) -> Iterator[Diagnostic]:
    """Tables that the model has given to another optimizer than the plan's, or asked more of it."""
    wanted = OPTIMIZER_CLASSES.get(optimizer, str(optimizer))
    for module in modules:
        for table in module.tables:
            if table.optimizers and table.optimizers != (wanted,):
                yield _fault(
                    plan, f"plan.{module.path}.{table.name}",
                    f"is trained by {', '.join(table.optimizers)}; the plan is for {wanted}",
                    "apply that one, or none, or solve again with the model's training.optimizer",
                )  # fmt: skip
            if more := unfollowed(table):
                yield _fault(
                    plan, f"plan.{module.path}.{table.name}",
                    f"is trained with {more}, which no fused optimizer does like it",
                    f"set the optimizer with {', '.join(RATES)} alone",
                )  # fmt: skip


def weight_faults(
    plan: str, weighted: AbstractSet[str], modules: Iterable[SparseModule]
) -> Iterator[Diagnostic]:
    """Modules that drop the weights of ids which they are planned with; ``weighted`` are paths.

    A plan that says nothing of weights may be older than they are in plans: then it is the model
    that says it.
    """
    for module in modules:
        if module.path in weighted and module.collection is not None and not module.is_weighted:
            message = f"ids are planned with weights; the model's {module.class_name} drops them"
            hint = "make it with is_weighted=True, or solve again without weighted"
            yield _fault(plan, f"plan.{module.path}", message, hint)


def _kind_faults(plan: str, planned: Collection, module: SparseModule) -> Iterator[Diagnostic]:
    there = module.collection
    assert there is not None
    if (planned.kind, planned.is_pooled) != (there.kind, there.is_pooled):
        message = f"is planned as {_told(planned)}; the model has {module.class_name}"
        hint = "say in the spec, under modules, what kind of module it is, and solve again"
        yield _fault(plan, f"plan.{module.path}", message, hint)
    if planned.id_map is not None and there.id_map is not None:
        for key, ours, theirs in planned.id_map.differences(there.id_map):
            message = f"{_said(ours)}; the model has {_said(theirs)}"
            hint = "say in the spec, under modules, how the module maps ids, and solve again"
            yield _fault(plan, f"modules.{module.path}.id_map.{key}", message, hint)


def _said(value: object) -> str:
    return str(value).lower()


def _told(collection: Collection) -> str:
    if collection.kind.pools is not None:
        return str(collection.kind)
    return f"{collection.kind}, {'pooled' if collection.is_pooled else 'not pooled'}"


def _table_faults(
    plan: str,
    tables: Iterable[TableOfPlan],
    module: SparseModule,
    modules: Iterable[SparseModule],
) -> Iterator[Diagnostic]:
    there = {table.name: table for table in module.tables}
    homes = {table.name: each.path for each in modules for table in each.tables}
    for table in tables:
        if table.name in there:
            yield from _differences(plan, table, there[table.name])
        else:
            where = f"plan.{module.path}.{table.name}"
            message = f"the model's {module.path!r} has no such table"
            home = homes.get(table.name)
            hint = _SOLVE_AGAIN if home is None else f"the model has it in {home!r}"
            yield _fault(plan, where, message, hint)


def _differences(plan: str, planned: TableOfPlan, there: SparseTable) -> Iterator[Diagnostic]:
    where = f"plan.{planned.module}.{planned.name}"
    for what, ours, theirs in (
        ("rows", planned.rows, there.rows),
        ("dim", planned.dim, there.dim),
        ("dtype", planned.dtype.value, there.dtype),
        ("features", ", ".join(sorted(planned.features)), ", ".join(sorted(there.features))),
    ):
        if ours != theirs:
            is_unpadded = what == "dim" and padded_columns(there.dim) == planned.dim
            hint = (
                f"it is planned padded: give it embedding_dim={planned.dim} in the model, and use "
                f"the first {there.dim}"
            )
            hint = hint if is_unpadded else _SOLVE_AGAIN
            yield _fault(plan, f"{where}.{what}", f"{ours}; the model has {theirs}", hint)
    # A plan without means may be older than they are in plans: then it is the model that says it.
    if planned.is_mean and there.pooling != "mean":
        message = f"mean; the model has {there.pooling}"
        yield _fault(plan, f"{where}.pooling_type", message, _SOLVE_AGAIN)
    if there.device_type != "meta":
        message = f"the model holds it whole on {there.device_type}, and its weights would be lost"
        hint = 'build it with device=torch.device("meta"), and load weights after sharding'
        yield _fault(plan, where, message, hint)


def _unknown_module(plan: str, path: str, paths: list[str]) -> Diagnostic:
    message = "the model has no collection of tables of this name"
    close = get_close_matches(path, paths, 1) or paths
    names = ", ".join(repr(name) for name in close)
    hint = f"it has {names}: write it as the tables' module in the spec" if close else _SOLVE_AGAIN
    return _fault(plan, f"plan.{path}", message, hint)


def _is_within(path: str, outer: str) -> bool:
    return not outer or path == outer or path.startswith(outer + ".")


def _fault(plan: str, where: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(plan, 0, 0, where, message, hint, code="executor")
