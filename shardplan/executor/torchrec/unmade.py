"""What of a model's layers on the meta device would begin otherwise than it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn.parameter import is_lazy

from shardplan.diagnostics import Diagnostic
from shardplan.model.unkept import memory_of, places_of_memory

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import torch

_HINT = "make layers on the CPU or a GPU, and EmbeddingBagCollections alone on the meta device"


def unmade(model: torch.nn.Module, sparse: Collection[str]) -> Iterator[Diagnostic]:
    """Layers that ``DistributedModelParallel`` makes wrongly, and says nothing.

    It gives each parameter on the meta device memory of its own, fills buffers with zeros, and
    then calls the module's ``reset_parameters``. Where there is none, weights are what was in that
    memory; buffers stay zeros; and one parameter in two places becomes two. Parameters without a
    shape yet it cannot make at all. ``sparse`` are the paths of modules with tables, of which
    others speak.
    """
    places = places_of_memory(model)
    for path, module in model.named_modules():
        if any(not each or path == each or path.startswith(each + ".") for each in sparse):
            continue
        class_name = type(module).__name__
        own = dict(module.named_parameters(recurse=False))
        shapeless = [name for name, each in own.items() if is_lazy(each)]
        for name in shapeless:
            message, hint = f"{class_name}: it has no shape yet", "run the model once before"
            yield Diagnostic("model", 0, 0, _within(path, name), message, hint, code="executor")
        unmade_weights = [
            name for name, each in own.items() if each.is_meta and name not in shapeless
        ]
        buffers = [name for name, each in module.named_buffers(recurse=False) if each.is_meta]
        is_reset = hasattr(module, "reset_parameters")
        for name in unmade_weights:
            there = places[memory_of(own[name])]
            others = [each for each in there if each != _within(path, name)]
            if not is_reset:
                message = f"{class_name}: no reset_parameters gives it values"
                yield _fault(_within(path, name), message)
            elif others:
                message = f"{class_name}: it is {others[0]} too, and would be trained apart"
                yield _fault(_within(path, name), message)
        if buffers and not (is_reset and unmade_weights):
            for name in buffers:
                yield _fault(_within(path, name), f"{class_name}: the buffer would be all zeros")


def _within(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _fault(where: str, message: str) -> Diagnostic:
    told = f"{message}, since it is on the meta device"
    return Diagnostic("model", 0, 0, where, told, _HINT, code="executor")
