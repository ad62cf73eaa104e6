"""What TorchRec's kernels and exchanges are told of each module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fbgemm_gpu.split_embedding_configs import SparseType

from shardplan.executor.tensors.tensor import DTYPES
from shardplan.executor.torchrec.sharded.output_format import keep_output_format
from shardplan.executor.torchrec.wires import codecs
from shardplan.workload.dtype import Dtype

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.training_facts import WireFormats


@dataclass(frozen=True, slots=True)
class ModuleOptions:
    """By a module's path, what its sharder takes.

    Outputs have one format in a module. A rank without a shard of it has no kernel to take the
    format from, so that it is said of the module, and not of its tables.
    """

    plan: Plan
    shared: Mapping[str, Any]
    """What the kernels of all modules are told: ``fused_params``."""
    formats: WireFormats
    """Of outputs on the wire, unless they are as narrow already."""
    device: torch.device

    def fused_params(self, path: str | None = None) -> dict[str, Any]:
        """What the kernels of a module are told; of None, those of any."""
        dtype = self._output_dtype(path)
        if dtype is Dtype.FP32:
            return dict(self.shared)
        return {**self.shared, "output_dtype": SparseType(dtype.value)}

    def codecs(self, path: str | None = None) -> Any:
        """What turns outputs of a module into the format of the wire, and gradients.

        Nothing where they are as narrow as that: a codec would give them back in fp32.
        """
        return codecs(self.formats, self.device, self._output_dtype(path))

    def is_distinct(self, path: str | None) -> bool:
        """Whether ids of a module are made distinct before they travel."""
        return self.plan.collection_of(path or "").dedup

    def keep_format(self, collection: Any, path: str | None) -> None:
        """See that what TorchRec has made of a module's collection gives outputs as planned."""
        if (dtype := self._output_dtype(path)) is not Dtype.FP32:
            keep_output_format(collection, DTYPES[dtype])

    def _output_dtype(self, path: str | None) -> Dtype:
        return Dtype.FP32 if path is None else self.plan.collection_of(path).output_dtype
