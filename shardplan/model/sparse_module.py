"""A module of a PyTorch model that holds embedding tables."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.model.initial_weights import InitialWeights
    from shardplan.workload.collection import Collection


class ModuleKind(Enum):
    """What a module does with its tables; the value is what messages call such a module."""

    BAG = "pooled tables"
    SEQUENCE = "tables whose rows are not pooled"
    FEATURE_PROCESSED = "tables behind feature processors"
    MANAGED_COLLISION = "tables behind managed collisions"
    DYNAMIC = "dynamic tables"
    SHARDED = "tables that are sharded already"
    OTHER = "tables of another kind"


@dataclass(frozen=True, slots=True)
class SparseTable:
    """A table as its module has it."""

    name: str
    rows: int
    dim: int
    dtype: str
    """By its name in a spec: ``fp32``."""
    features: tuple[str, ...]
    pooling: str = "sum"
    """``sum`` or ``mean``; ``none`` where rows are not pooled."""
    initial: InitialWeights | None = None
    """How weights begin; None: as TorchRec has it, uniform within 1 / sqrt(rows)."""
    init_fn: str = ""
    """Name of the model's own function that fills it, where that cannot be read."""
    device_type: str = "meta"
    optimizers: tuple[str, ...] = ()
    """Names of the classes that ``apply_optimizer_in_backward`` has set."""
    optimizer_settings: tuple[tuple[str, object], ...] = ()
    """What it has set besides, by the names of the class's arguments: ``lr``, ``eps``."""


@dataclass(frozen=True, slots=True)
class Unkept:
    """Something of a collection that its sharded form would not have, or would do otherwise."""

    name: str
    """Of a table or a part of the module; empty for the module itself."""
    what: str
    hint: str


@dataclass(frozen=True, slots=True)
class SparseModule:
    """A module with tables of its own, or around such a module in a way of its own."""

    path: str
    """In the model; empty for the model itself."""
    class_name: str
    kind: ModuleKind
    tables: tuple[SparseTable, ...] = ()
    """In their order, of modules that can be planned."""
    is_weighted: bool = False
    """Whether each id has a weight."""
    other_paths: tuple[str, ...] = ()
    """Where else in the model the same module stands."""
    table_names: tuple[str, ...] = ()
    """Of tables of any kind, as far as the module tells."""
    unkept: tuple[Unkept, ...] = ()
    """Of modules that can be planned: what would be lost without a word."""
    collection: Collection | None = None
    """What kind of module plans call it; None where none can speak of it."""
