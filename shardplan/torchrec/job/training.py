"""How a job trains its tables, read off its model and its sharders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from fbgemm_gpu.split_embedding_configs import EmbOptimType
from torchrec.distributed import types
from torchrec.distributed.types import CommOp, PipelineType

from shardplan.diagnostics import Diagnostic
from shardplan.model.optimizers import OPTIMIZER_CLASSES
from shardplan.sharding.kernel import KERNELS
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import OPTIMIZERS, Optimizer
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shardplan.torchrec.job.sharded_module import ShardedModule

_WIRE = {torch.float32: Dtype.FP32, torch.float16: Dtype.FP16, torch.bfloat16: Dtype.BF16}
_PIPELINES = {
    PipelineType.NONE: Pipeline.NONE,
    PipelineType.TRAIN_BASE: Pipeline.NONE,
    PipelineType.TRAIN_SPARSE_DIST: Pipeline.SPARSE_DIST,
    PipelineType.TRAIN_PREFETCH_SPARSE_DIST: Pipeline.PREFETCH_SPARSE_DIST,
}
_ALGORITHMS = {
    types.CacheAlgorithm.LRU: CacheAlgorithm.LRU,
    types.CacheAlgorithm.LFU: CacheAlgorithm.LFU,
}
_POOLED = (CommOp.POOLED_EMBEDDINGS_ALL_TO_ALL, CommOp.POOLED_EMBEDDINGS_REDUCE_SCATTER)
_SEQUENCES = (CommOp.SEQUENCE_EMBEDDINGS_ALL_TO_ALL,)


class JobTraining:
    """The key ``training`` of a spec, and what it cannot say."""

    def __init__(
        self,
        modules: Sequence[ShardedModule],
        constraints: Mapping[str, Any],
        enumerator: Any | None,
    ) -> None:
        self.diagnostics: list[Diagnostic] = []
        forward, backward = self._wire(modules)
        self.value: dict[str, Any] = {
            "optimizer": str(self._optimizer(modules, constraints)),
            "comm_dtype": {"forward": str(forward), "backward": str(backward)},
            "pipeline": str(pipeline_of(enumerator)),
            "exact_updates": False,
            "cache_algorithm": str(self._cache_algorithm(constraints)),
        }

    def _optimizer(
        self, modules: Sequence[ShardedModule], constraints: Mapping[str, Any]
    ) -> Optimizer:
        """That which keeps most, where tables have several; FBGEMM's default where none is set,
        which is another one of tables on SSD."""
        found = {each for module in modules for each in self._optimizers(module)}
        ordered = sorted(found, key=lambda each: (-len(each.tensors), each.name))
        if len(ordered) > 1:
            self._warn("optimizer", f"tables have {_list(ordered)}: all are planned {ordered[0]}")
        if ordered:
            return ordered[0]
        asked = {str(k) for each in constraints.values() for k in each.compute_kernels or ()}
        on_ssd = any(kernel.is_on_ssd for each in asked if (kernel := KERNELS.find(each)))
        kind = Optimizer.ROWWISE_ADAGRAD if on_ssd else Optimizer.SGD
        self._note(
            "optimizer",
            "none is set, by apply_optimizer_in_backward or the sharders' fused_params: all tables "
            f"are planned with {kind}, FBGEMM's default{' on SSD' if on_ssd else ''}",
        )
        return kind

    def _optimizers(self, module: ShardedModule) -> set[Optimizer]:
        """Those of one module's tables: what the model sets goes before what the sharder sets."""
        named = {name: kind for kind, name in OPTIMIZER_CLASSES.items()}
        given = (getattr(module.sharder, "fused_params", None) or {}).get("optimizer")
        of_sharder = _of_fbgemm(given)
        if given is not None and of_sharder is None:
            self._warn(
                "fused_params", f"optimizer {given} is not planned: its state is not counted"
            )
        found = set()
        for table in module.tables:
            own = {named[each] for each in table.optimizers if each in named}
            unknown = [each for each in table.optimizers if each not in named]
            if unknown:
                self._warn(table.name, f"{_list(unknown)} is not planned: its state is not counted")
            found |= own or ({of_sharder} if of_sharder is not None else set())
        return found

    def _cache_algorithm(self, constraints: Mapping[str, Any]) -> CacheAlgorithm:
        """That of all tables, of which a spec has one."""
        caches = [each.cache_params for each in constraints.values() if each.cache_params]
        found = {each.algorithm: None for each in caches if each.algorithm is not None}
        if len(found) > 1:
            self._warn("cache_params.algorithm", "tables have several: the first is planned")
        return _ALGORITHMS[next(iter(found), types.CacheAlgorithm.LRU)]

    def _wire(self, modules: Sequence[ShardedModule]) -> tuple[Dtype, Dtype]:
        """What pooled outputs, or rows, and their gradients travel as."""
        found = {each: None for module in modules for each in _codecs(module)}
        if len(found) > 1:
            message = (
                "modules or collectives have several formats on the wire: the first is planned"
            )
            self._warn("qcomm_codecs_registry", message)
        forward, backward = next(iter(found), (torch.float32, torch.float32))
        for each in (forward, backward):
            if each not in _WIRE:
                self._warn("qcomm_codecs_registry", f"{each} on the wire is planned as fp16")
        return _WIRE.get(forward, Dtype.FP16), _WIRE.get(backward, Dtype.FP16)

    def _warn(self, where: str, message: str) -> None:
        self._tell(where, message, "warning")

    def _note(self, where: str, message: str) -> None:
        self._tell(where, message, "note")

    def _tell(self, where: str, message: str, severity: str) -> None:
        self.diagnostics.append(
            Diagnostic("planner", 0, 0, where, message, code="torchrec", severity=severity)
        )


def pipeline_of(enumerator: Any | None) -> Pipeline:
    """That of the enumerator's storage estimator; TorchRec's default is none."""
    for estimator in getattr(enumerator, "_estimators", ()):
        found = getattr(estimator, "_pipeline_type", None)
        if found is not None:
            return _PIPELINES[found]
    return Pipeline.NONE


def _of_fbgemm(given: Any) -> Optimizer | None:
    """An optimizer by FBGEMM's member of an enum."""
    if not isinstance(given, EmbOptimType):
        return None
    return next((kind for kind in OPTIMIZERS if EmbOptimType[kind.fbgemm] is given), None)


def _codecs(module: ShardedModule) -> list[tuple[torch.dtype, torch.dtype]]:
    """Formats forward and backward of each collective that its outputs take."""
    registry = getattr(module.sharder, "qcomm_codecs_registry", None) or {}
    collection = module.found.collection
    ops = _POOLED if collection is None or collection.is_pooled else _SEQUENCES
    codecs = [registry[op.name] for op in ops if op.name in registry]
    if not codecs:
        return [(torch.float32, torch.float32)]
    return [(each.forward.quantized_dtype, each.backward.quantized_dtype) for each in codecs]


def _list(names: Sequence[object]) -> str:
    return ", ".join(map(str, names))
