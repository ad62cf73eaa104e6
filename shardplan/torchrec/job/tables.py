"""The tables of a job's model, with what its constraints say of them, as keys of a spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.diagnostics import Diagnostic
from shardplan.model.adopt import kind_of
from shardplan.options.limits import column_width_fault
from shardplan.sharding.device_kind import DeviceKind
from shardplan.torchrec.job.features import FeatureReads
from shardplan.workload.collection import POOLED
from shardplan.workload.labels import labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shardplan.model.sparse_module import SparseTable
    from shardplan.torchrec.job.freedom import Freedom, Freedoms
    from shardplan.torchrec.job.sharded_module import ShardedModule


class JobTables:
    """The keys ``modules``, ``tables`` and ``constraints``, and what they cannot say."""

    def __init__(
        self,
        modules: Sequence[ShardedModule],
        constraints: Mapping[str, Any],
        freedoms: Freedoms,
        batch_size: int,
    ) -> None:
        self._modules = modules
        self._constraints = constraints
        self._batch_size = batch_size
        self.shares: dict[str, float] = {}
        """By feature, its samples for each of the batch."""
        self.diagnostics: list[Diagnostic] = list(self._unknown())
        self.tables = [self._table(module, table) for module in modules for table in module.tables]
        left = [freedoms.of(m, t, constraints.get(t.name)) for m in modules for t in m.tables]
        self.constraints = self._demands(left)
        self.modules = {
            module.found.path: kind_of(module.found)
            for module in modules
            if module.found.collection != POOLED
        }

    def _unknown(self) -> Iterator[Diagnostic]:
        """Constraints of tables that are not there."""
        there = {table.name for module in self._modules for table in module.tables}
        for name in self._constraints:
            if name not in there:
                where = f"constraints[{name!r}]"
                yield _warning(where, "the model has no such table in a module that is sharded")

    def _table(self, module: ShardedModule, table: SparseTable) -> dict[str, Any]:
        constraint = self._constraints.get(table.name)
        reads = FeatureReads.of(table.name, table.features, constraint, self._batch_size)
        self.diagnostics += reads.diagnostics
        if fault := column_width_fault(table.dim, DeviceKind.CPU):  # as wide as any kernel takes
            where, hint = table.name, "give it an embedding_dim that is a multiple of 4"
            self.diagnostics.append(Diagnostic("planner", 0, 0, where, fault, hint))
        for feature, share in zip(table.features, reads.shares, strict=True):
            if share != self.shares.get(feature, share):
                message = f"the feature {feature!r} has batches of several sizes"
                where = f"constraints[{table.name!r}].batch_sizes"
                self.diagnostics.append(Diagnostic("planner", 0, 0, where, message))
            self.shares[feature] = share
        poolings, times = reads.poolings, tuple(max(1.0, share) for share in reads.shares)
        if module.found.collection is not None and not module.found.collection.is_pooled:
            # Where there is an output for each id, more samples are but more ids.
            poolings = tuple(ids * number for ids, number in zip(poolings, times, strict=True))
            times = ()
        return {
            "name": table.name,
            "rows": table.rows,
            "dim": table.dim,
            "dtype": table.dtype,
            "module": module.found.path,
            "features": list(table.features),
            "pooling": _alike(poolings),
        } | self._added(module, table, times)

    def _added(
        self, module: ShardedModule, table: SparseTable, times: tuple[float, ...]
    ) -> dict[str, Any]:
        """What few tables have: weights, means, and features with more samples than the batch."""
        weighted = {"weighted": True} if self._is_weighted(module) else {}
        mean = {"pooling_type": "mean"} if table.pooling == "mean" else {}
        is_more = any(number > 1 for number in times)
        return weighted | mean | ({"num_poolings": _alike(times)} if is_more else {})

    def _is_weighted(self, module: ShardedModule) -> bool:
        """Of all tables of a module, or of none: a spec has nothing in between."""
        if module.found.is_weighted:
            return True
        asked = [
            bool((constraint := self._constraints.get(table.name)) and constraint.is_weighted)
            for table in module.tables
        ]
        if any(asked) and not all(asked):
            where = f"constraints of {module.found.path or 'the model itself'}"
            message = "is_weighted of some tables of a module: all are planned as weighted"
            if (found := _warning(where, message)) not in self.diagnostics:
                self.diagnostics.append(found)
        return any(asked)

    def _demands(self, left: Sequence[Freedom]) -> list[dict[str, Any]]:
        """One for all tables that are equally free."""
        called = labels([(table["module"], table["name"]) for table in self.tables])
        alike: dict[Freedom, list[str]] = {}
        for name, freedom in zip(called, left, strict=True):
            if freedom.sharding and freedom.kernels:
                alike.setdefault(freedom, []).append(name)
        return [{"tables": names} | each.demand for each, names in alike.items()]


def _alike(numbers: tuple[float, ...]) -> float | list[float]:
    """One number for all features, where they have the same."""
    return numbers[0] if len(set(numbers)) == 1 else list(numbers)


def _warning(where: str, message: str) -> Diagnostic:
    return Diagnostic("planner", 0, 0, where, message, code="torchrec", severity="warning")
