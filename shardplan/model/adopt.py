"""A spec of a TorchRec model: what its collections say of themselves and of their tables."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError, ShardplanError
from shardplan.model.dense_embeddings import dense_embeddings, dense_note
from shardplan.model.id_maps import map_note
from shardplan.model.initial_weights import start_note
from shardplan.model.optimizers import optimizer_faults, optimizer_of
from shardplan.model.sparse_modules import sparse_modules
from shardplan.model.unplanned import unplanned
from shardplan.sharding.geometry import COLUMN_MULTIPLE, padded_columns
from shardplan.workload.collection import POOLED
from shardplan.workload.dtype import Dtype
from shardplan.workload.labels import spoken
from shardplan.workload.module.id_map import IdMap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shardplan.model.sparse_module import SparseModule, SparseTable
    from shardplan.workload.collection import Collection

_DEFAULT_KEYS = ("dim", "dtype", "module")


def spec_of_model(reference: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """``defaults`` and ``tables`` of a spec for the model that ``module:function`` makes; notes.

    And ``modules``, where some are no plain bags, and ``training``, where the model sets the
    optimizer of its tables. The function is called
    without arguments on PyTorch's meta device, so that its tables take no memory. How many ids a
    sample has and how they hit the rows is not in a model. Notes are on embeddings that stay out of
    the spec, and on what not every engine trains.

    Raises ShardplanError where torchrec is not installed or the function cannot be called, and
    InputError, with all reasons, where the model holds no collection of tables, or anything sparse
    that cannot be planned.
    """
    model = _model_of(_function_of(reference), reference)
    modules = sparse_modules(model)
    faults = [
        *unplanned(modules, reference),
        *optimizer_faults(modules, reference),
        *_dtype_faults(modules, reference),
    ]
    if not modules:
        faults = [Diagnostic(reference, 0, 0, "", "gives a model without a collection of tables")]
    if faults:
        raise InputError(faults)
    every = [table for module in modules for table in module.tables]
    notes = (
        dense_note(dense_embeddings(model), every),
        start_note(modules),
        map_note(model, modules),
        *_padding_notes(every),
    )
    tables = [_row(module, table) for module in modules for table in module.tables]
    defaults = {
        key: Counter(table[key] for table in tables).most_common(1)[0][0] for key in _DEFAULT_KEYS
    }
    for table in tables:
        for key, common in defaults.items():
            if table[key] == common:
                del table[key]
    optimizer = optimizer_of(modules)
    training = {} if optimizer is None else {"training": {"optimizer": str(optimizer)}}
    kinds = {module.path: kind_of(module) for module in modules if module.collection != POOLED}
    found = {"defaults": defaults, "tables": tables}
    stated = {"modules": kinds} if kinds else {}
    return training | stated | found, tuple(filter(None, notes))


def _function_of(reference: str) -> Callable[[], Any]:
    module_name, separator, name = reference.partition(":")
    if not (module_name and separator and name):
        raise ShardplanError(f"{reference!r} is not of the form MODULE:FUNCTION")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise ShardplanError(f"cannot import {module_name}: {_told(error)}") from None
    found = getattr(module, name, None)
    if not callable(found):
        raise ShardplanError(f"{module_name} has no function {name!r}")
    function: Callable[[], Any] = found
    return function


def _model_of(function: Callable[[], Any], reference: str) -> Any:
    try:
        import torch
        import torchrec  # noqa: F401
    except ImportError as error:
        raise ShardplanError(f"--from torchrec needs TorchRec: {error}") from None
    try:
        with torch.device("meta"):
            model = function()
    except (Exception, SystemExit) as error:
        raise ShardplanError(f"{reference} failed: {_told(error)}") from None
    if not isinstance(model, torch.nn.Module):
        raise ShardplanError(f"{reference} gives a {type(model).__name__}, not a torch.nn.Module")
    return model


def _told(error: BaseException) -> str:
    """An error of other people's code, in a line: PyTorch's may go on for a page."""
    first, *more = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {first}{' ...' if more else ''}"


def _row(module: SparseModule, table: SparseTable) -> dict[str, Any]:
    return {
        "name": table.name,
        "rows": table.rows,
        "dim": table.dim,
        "dtype": table.dtype,
        "module": module.path,
        "features": list(table.features),
        **({"weighted": True} if module.is_weighted else {}),
        **({"pooling_type": "mean"} if table.pooling == "mean" else {}),
    }


def kind_of(module: SparseModule) -> dict[str, Any]:
    """What a spec says of a module that is no plain bag."""
    collection = module.collection
    assert collection is not None, "what cannot be planned was refused"
    both_are_there = collection.kind.pools is None
    pooled = {"pooled": False} if both_are_there and not collection.is_pooled else {}
    return {"kind": str(collection.kind)} | pooled | _id_map(collection)


def _id_map(collection: Collection) -> dict[str, Any]:
    """What of a map of ids is not as a spec takes it to be by itself."""
    found, usual = collection.id_map or IdMap(), IdMap()
    keys = {
        "policy": (str(found.policy), str(usual.policy)),
        "eviction_interval": (found.interval, usual.interval),
        "returns_ids": (found.returns_ids, usual.returns_ids),
        "runtime_meta_dim": (found.runtime_meta_dim, usual.runtime_meta_dim),
    }
    stated = {key: value for key, (value, default) in keys.items() if value != default}
    return {"id_map": stated} if stated else {}


def _dtype_faults(modules: Sequence[SparseModule], source: str) -> Iterator[Diagnostic]:
    for module in modules:
        for table in module.tables:
            if table.dtype not in list(Dtype):
                message, hint = f"{table.name} is {table.dtype}", f"planned are {', '.join(Dtype)}"
                yield Diagnostic(source, 0, 0, _where(module), message, hint, code="dtype")


def _padding_notes(tables: Sequence[SparseTable]) -> Iterator[str]:
    for table in tables:
        dim, wider = table.dim, padded_columns(table.dim)
        if wider != dim:
            yield (
                f"{table.name} has {dim} columns, and FBGEMM's kernels take multiples of "
                f"{COLUMN_MULTIPLE}: it is planned with {wider}; give it embedding_dim={wider} in "
                f"the model, and use the first {dim}"
            )


def _where(module: SparseModule) -> str:
    return spoken(module.path)
