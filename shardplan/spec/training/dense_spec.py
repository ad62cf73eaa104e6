"""The rest of the model, beside the tables."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from shardplan.spec.fields.border import Border
from shardplan.spec.fields.dense_layer import DenseLayerField
from shardplan.spec.fields.quantities import Bytes, Number, SomeBytes
from shardplan.spec.validation.fault import fault
from shardplan.workload.dense.parallel import Parallel
from shardplan.workload.dense.precision import Precision
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer

Milliseconds = Annotated[Number, Field(ge=0, le=10**7)]

Layers = Annotated[tuple[DenseLayerField, ...], Field(min_length=1, max_length=10_000)]
"""In the order of the forward pass."""

_IN_PLACE_OF_LAYERS = ("forward_ms", "backward_ms", "optimizer_ms")
_OF_LAYERS: dict[str, Any] = {
    "dtype": Precision.BF16.value,
    "parallel": Parallel.DDP.value,
    "gradient_dtype": Dtype.FP32.value,
    "bucket": "25MiB",
}
"""Defaults where there are layers; the last is that of PyTorch's DDP, ``bucket_cap_mb``."""


class DenseSpec(Border):
    """The rest of the model, which the plan cannot change: its seconds, or its layers."""

    forward_ms: Milliseconds = 0.0
    """Milliseconds that a step's forward pass spends outside the tables."""
    backward_ms: Milliseconds = 0.0
    """Milliseconds that a step's backward pass spends outside the tables."""
    optimizer_ms: Milliseconds = 0.0
    """Of ``backward_ms``, those of the update of its parameters: what ``fused_sparse_dist`` hides
    lookups behind."""
    memory: Bytes = 0
    """HBM of each device: parameters, gradients, optimizer state, activations. In place of what
    ``layers`` need, if there are any."""
    layers: Layers | None = None
    """In place of the milliseconds: the layers by their shapes, in the order of the forward
    pass."""
    dtype: Precision | None = None
    """What layers multiply in; bf16 where left out."""
    parallel: Parallel | None = None
    """How devices share the layers' weights; ddp where left out."""
    gradient_dtype: Dtype | None = None
    """Number format of the layers' gradients on the wire; fp32 where left out."""
    optimizer: Optimizer | None = None
    """Of the layers' parameters; that of the tables where left out."""
    bucket: SomeBytes | None = None
    """With ddp, gradients are summed once that many bytes are ready; else layers are gathered
    together until their weights are as many. 25MiB where left out."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("layers") is None:
            return value
        return _OF_LAYERS | {key: part for key, part in value.items() if part is not None}

    @model_validator(mode="after")
    def _check(self) -> DenseSpec:
        given = self.model_fields_set
        if self.optimizer_ms > self.backward_ms:
            hint = "it is a part of them: write what both take together as backward_ms"
            message = f"is more than the {self.backward_ms:g} ms of backward_ms"
            raise fault(message, hint, at=("optimizer_ms",))
        if self.layers is None:
            for key in (*_OF_LAYERS, "optimizer"):
                if getattr(self, key) is not None:
                    raise fault("there are no layers that it could be of", "add layers", at=(key,))
            return self
        for key in _IN_PLACE_OF_LAYERS:
            if key in given:
                hint = "drop it, or layers, dtype and what else is said of them"
                raise fault("the layers say how long they take", hint, at=(key,))
        self._check_joints(self.layers)
        return self

    def _check_joints(self, layers: Layers) -> None:
        """Where all that goes on has one width, the next layer must take it."""
        width: int | None = None
        for index, layer in enumerate(layers):
            taken = layer.input_width
            if width is not None and taken is not None and taken != width:
                message = f"{layer.keyword} takes {taken} values, the layer before gives {width}"
                hint = "write them in the order of the forward pass, with a concat where they join"
                raise fault(message, hint, "shape", ("layers", index))
            width = layer.output_width

    @model_serializer(mode="wrap")
    def _write(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        if "optimizer_ms" not in self.model_fields_set:
            written.pop("optimizer_ms", None)
        if self.layers is not None:
            for key in _IN_PLACE_OF_LAYERS:
                written.pop(key, None)
            if "memory" not in self.model_fields_set:
                written.pop("memory", None)
        return written
