"""TorchRec's codecs for what goes over the wire, and the formats that it has none of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torchrec.distributed.fbgemm_qcomm_codec import (
    CommType,
    QCommsConfig,
    get_qcomm_codecs_registry,
)
from torchrec.distributed.types import CommOp

from shardplan.executor.torchrec.fault import fault
from shardplan.workload.dtype import Dtype
from shardplan.workload.wire.wire_collective import WireCollective
from shardplan.workload.wire.wire_type import sent_as

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.diagnostics import Diagnostic
    from shardplan.executor.tensors.tensor import Device
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.training_facts import TrainingFacts, WireFormats

_OPS = {
    WireCollective.POOLED_ALL_TO_ALL: CommOp.POOLED_EMBEDDINGS_ALL_TO_ALL,
    WireCollective.REDUCE_SCATTER: CommOp.POOLED_EMBEDDINGS_REDUCE_SCATTER,
    WireCollective.SEQUENCE_ALL_TO_ALL: CommOp.SEQUENCE_EMBEDDINGS_ALL_TO_ALL,
}
_ON_CPU = (Dtype.FP32, Dtype.FP16, Dtype.BF16)
_HINT = "solve again with another format in training.comm_dtype"


def codecs(
    formats: WireFormats, device: Device, output_dtype: Dtype = Dtype.FP32
) -> dict[str, Any] | None:
    """Of each collective; None where outputs are all sent as they are."""
    found: dict[str, Any] = {}
    for collective, op in _OPS.items():
        pair, row = formats.pair(collective), formats.fp8_row
        sent = [sent_as(output_dtype, name) for name in (pair.forward, pair.backward)]
        forward, backward = (
            CommType.FP32 if name == output_dtype else CommType(name) for name in sent
        )
        has_fp8 = CommType.FP8 in (forward, backward)
        config = QCommsConfig(forward, backward, fp8_quantize_dim=row if has_fp8 else None)
        found |= get_qcomm_codecs_registry(config, [op], device) or {}
    return found or None


def wire_faults(plan: Plan, training: TrainingFacts, device_type: str) -> Iterator[Diagnostic]:
    """Formats that TorchRec does not send, anywhere or on CPU."""
    known, where = {each.value for each in CommType}, "training.comm_dtype"
    for collective in WireCollective:
        pair = training.comm_dtype.pair(collective)
        for way, name in (("forward", pair.forward), ("backward", pair.backward)):
            at = f"{where}.{collective}.{way}"
            if name not in known:
                yield fault(plan, at, f"TorchRec has no codec {name}", _HINT)
            elif device_type == "cpu" and name not in _ON_CPU:
                yield fault(plan, at, f"{name}: FBGEMM's codec of it is for GPUs alone", _HINT)
