"""The tables of a TorchRec model: what its EmbeddingBagCollections say of them."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shardplan.errors import ShardplanError
from shardplan.workload.dtype import Dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DEFAULT_KEYS = ("dim", "dtype", "module")


def spec_of_model(reference: str) -> dict[str, Any]:
    """``defaults`` and ``tables`` of a spec for the model that ``module:function`` makes.

    The function is called without arguments on PyTorch's meta device, so that its tables take no
    memory. How many ids a sample has and how they hit the rows is not in a model.

    Raises ShardplanError where torchrec is not installed, the function cannot be called, or what it
    gives holds no EmbeddingBagCollection.
    """
    tables = list(_tables(_model_of(_function_of(reference), reference), reference))
    if not tables:
        raise ShardplanError(f"{reference} gives a model without an EmbeddingBagCollection")
    defaults = {
        key: Counter(table[key] for table in tables).most_common(1)[0][0] for key in _DEFAULT_KEYS
    }
    for table in tables:
        for key, common in defaults.items():
            if table[key] == common:
                del table[key]
    return {"defaults": defaults, "tables": tables}


def _function_of(reference: str) -> Callable[[], Any]:
    module_name, separator, name = reference.partition(":")
    if not (module_name and separator and name):
        raise ShardplanError(f"{reference!r} is not of the form MODULE:FUNCTION")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ShardplanError(
            f"cannot import {module_name}: {type(error).__name__}: {error}"
        ) from None
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
    except Exception as error:
        raise ShardplanError(f"{reference} failed: {type(error).__name__}: {error}") from None
    if not isinstance(model, torch.nn.Module):
        raise ShardplanError(f"{reference} gives a {type(model).__name__}, not a torch.nn.Module")
    return model


def _tables(model: Any, reference: str) -> Iterator[dict[str, Any]]:
    from torchrec.modules.embedding_modules import EmbeddingBagCollection

    for path, module in model.named_modules():
        if isinstance(module, EmbeddingBagCollection):
            for config in module.embedding_bag_configs():
                yield {
                    "name": config.name,
                    "rows": config.num_embeddings,
                    "dim": config.embedding_dim,
                    "dtype": _dtype(config, reference),
                    "module": path,
                    "features": list(config.feature_names),
                }


def _dtype(config: Any, reference: str) -> str:
    name = str(config.data_type.value).lower()
    if name not in list(Dtype):
        known = ", ".join(Dtype)
        raise ShardplanError(f"{reference}: table {config.name} is {name}; planned are {known}")
    return name
