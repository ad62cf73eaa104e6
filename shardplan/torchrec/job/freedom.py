"""How each table may be sharded: what the job's sharders and its constraints leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from shardplan.diagnostics import Diagnostic
from shardplan.options.enumerate import cuts_of
from shardplan.sharding.device_kind import DeviceKind
from shardplan.sharding.kernel import KERNELS, MemoryTier
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType
from shardplan.sharding.world import Extent, World
from shardplan.torchrec.job.wrong_types import Means, WrongTypes
from shardplan.workload.collection import CollectionKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shardplan.model.sparse_module import SparseTable
    from shardplan.torchrec.job.arguments import JobArguments
    from shardplan.torchrec.job.sharded_module import ShardedModule

_GUARDED_KERNELS = frozenset({"key_value"})
"""Those that TorchRec's planner takes only where a constraint asks for them."""
_TYPES = frozenset(each.name for each in SHARDING_TYPES if each.is_torchrecs)
_KERNELS = frozenset(each.name for each in KERNELS if not each.is_dynamic)
_CUT_BY_ROWS = frozenset(
    each.name for each in SHARDING_TYPES if each.cuts_rows and each.is_torchrecs
)
_CUT_OVER_NODES = frozenset(each.name for each in SHARDING_TYPES if each.rows is Extent.NODE)


@dataclass(frozen=True, slots=True)
class Freedom:
    """The sharding types and kernels that a table may have, in TorchRec's order, and its pins."""

    sharding: tuple[str, ...]
    kernels: tuple[str, ...]
    min_width: int | None = None
    """Columns of each column shard, at least."""
    load_factor: float | None = None
    """Of the rows, what its cache holds."""

    @property
    def demand(self) -> dict[str, Any]:
        """The keys of a constraint that say so."""
        pins = {"min_width": self.min_width, "load_factor": self.load_factor}
        given = {name: pin for name, pin in pins.items() if pin is not None}
        return {"sharding": list(self.sharding), "kernels": list(self.kernels)} | given

    def allows(self, option: Any) -> bool:
        """Whether a ShardingOption of TorchRec is one of these."""
        kind, kernel = str(option.sharding_type), str(option.compute_kernel)
        return kind in self.sharding and kernel in self.kernels


@dataclass(slots=True)
class Freedoms:
    """Those of a job's tables."""

    compute_device: str
    world: World
    has_pods: bool
    """Whether fast links join the devices of several nodes, of which no plan speaks."""
    means: Means = Means.WHOLE
    diagnostics: list[Diagnostic] = field(default_factory=list)
    _wrong: dict[str, WrongTypes] = field(default_factory=dict)
    """By the path of a module."""

    @property
    def told(self) -> tuple[Diagnostic, ...]:
        """The diagnostics, with what is left out of the types of each module."""
        return (
            *self.diagnostics,
            *(each for wrong in self._wrong.values() for each in wrong.told()),
        )

    @property
    def leaves_out(self) -> bool:
        """Whether any table is kept from a type with which TorchRec errs."""
        return any(wrong.left_out for wrong in self._wrong.values())

    @property
    def keeps_wrong(self) -> bool:
        """Whether a table has nothing but types with which TorchRec errs."""
        return any(wrong.kept for wrong in self._wrong.values())

    @classmethod
    def of_job(cls, job: JobArguments, means: Means) -> Self:
        """On the devices of a job's topology."""
        topology = job.topology
        devices = DeviceKind.CPU if topology.compute_device == "cpu" else DeviceKind.GPU
        world = World(topology.world_size, topology.local_world_size, devices)
        has_pods = topology.intra_group_size > topology.local_world_size
        return cls(topology.compute_device, world, has_pods, means)

    def of(self, module: ShardedModule, table: SparseTable, constraint: Any | None) -> Freedom:
        """What is left to a table; what keeps it from any is told, and none is left."""
        where = f"constraints[{table.name!r}]"
        asked_types = getattr(constraint, "sharding_types", None)
        asked_kernels = getattr(constraint, "compute_kernels", None)
        offered = module.sharder.sharding_types(self.compute_device)
        types = self._known(
            [t for t in offered if _is_allowed(t, asked_types, _guarded_types(module))],
            _TYPES,
            asked_types,
            f"{where}.sharding_types",
        )
        if self.has_pods:
            types = [t for t in types if t not in _CUT_OVER_NODES]
        least = getattr(constraint, "min_partition", None)
        types += self._uncut(types, offered, table, least, where)
        wrong = self._wrong_of(module)
        types = wrong.without(types, table.name, is_asked=bool(asked_types))
        every = dict.fromkeys(
            kernel
            for kind in types
            for kernel in module.sharder.compute_kernels(kind, self.compute_device)
        )
        kernels = self._known(
            [k for k in every if _is_allowed(k, asked_kernels, _GUARDED_KERNELS)],
            _KERNELS,
            asked_kernels,
            f"{where}.compute_kernels",
        )
        in_ddr = [kernel for kernel in kernels if KERNELS.named(kernel).rows_in is MemoryTier.DDR]
        if getattr(constraint, "enforce_hbm", None) and in_ddr:
            message = (
                f"FBGEMM keeps the rows and the first moment of {' and '.join(in_ddr)} in HBM "
                "then; the plan counts them in DDR"
            )
            hint = "compute_kernels=['fused'] is what fits"
            self.diagnostics.append(_fault(f"{where}.enforce_hbm", message, hint, "warning"))
        if not types or not kernels:
            what = "sharding type" if not types else "compute kernel"
            message = f"no {what} is left to the table {table.name!r}"
            hint = f"the sharder of {module.found.class_name} offers {', '.join(offered)}"
            self.diagnostics.append(_fault(where, message, hint))
        return Freedom(
            tuple(types),
            tuple(kernels),
            None if least is None else min(least, table.dim),
            self._load_factor(constraint, kernels, where),
        )

    def _uncut(
        self,
        types: Sequence[str],
        offered: Sequence[str],
        table: SparseTable,
        least: int | None,
        where: str,
    ) -> list[str]:
        """What lies as TorchRec's single column shard does, of types that leave no other cut.

        Its planner keeps the type and does not cut.
        """
        found = []
        for kind in map(SHARDING_TYPES.named, types):
            uncut = kind.uncut
            if uncut is None or uncut.name in types or uncut.name not in offered:
                continue
            cuts = cuts_of(table.dim, kind, self.world, asked=True)
            if any(table.dim // cut >= (least or 0) for cut in cuts):
                continue
            found.append(uncut.name)
            why = f" of {least} or more" if least is not None else ""
            message = (
                f"{table.dim} columns are not cut into shards{why}: {kind.name} of one column "
                f"shard is planned as {uncut.name}, which lies alike"
            )
            self.diagnostics.append(_fault(where, message, "", "note"))
        return found

    def _load_factor(self, constraint: Any | None, kernels: list[str], where: str) -> float | None:
        """A size is a pin where every kernel that is left has a cache."""
        cache = getattr(constraint, "cache_params", None)
        factor: float | None = getattr(cache, "load_factor", None)
        if factor is None or all(KERNELS.named(each).caches for each in kernels):
            return factor
        message = "the size of the cache is chosen by the search, where the table has one"
        hint = "compute_kernels=['fused_uvm_caching'] pins it"
        path = f"{where}.cache_params.load_factor"
        self.diagnostics.append(_fault(path, message, hint, "warning"))
        return None

    def _wrong_of(self, module: ShardedModule) -> WrongTypes:
        path = module.found.path
        if path not in self._wrong:
            made = WrongTypes.of(module, self.compute_device, self.means)
            self._wrong[path] = made
        return self._wrong[path]

    def _known(
        self, offered: list[str], known: frozenset[str], asked: Iterable[str] | None, where: str
    ) -> list[str]:
        """Of what TorchRec offers, what is planned here; the rest is told where asked for."""
        others = [name for name in offered if name not in known]
        if asked and others:
            message = f"not planned: {', '.join(others)}"
            self.diagnostics.append(_fault(where, message, "", "warning"))
        return [name for name in offered if name in known]


def _is_allowed(name: str, asked: Iterable[str] | None, guarded: frozenset[str]) -> bool:
    return name in asked if asked else name not in guarded


def _guarded_types(module: ShardedModule) -> frozenset[str]:
    """Those that TorchRec's planner takes only where a constraint asks for them."""
    collection = module.found.collection
    if collection is not None and collection.kind is CollectionKind.FEATURE_PROCESSED:
        return _CUT_BY_ROWS
    return frozenset({ShardingType.GRID_SHARD.name})


def _fault(where: str, message: str, hint: str = "", severity: str = "error") -> Diagnostic:
    return Diagnostic("planner", 0, 0, where, message, hint, code="torchrec", severity=severity)
