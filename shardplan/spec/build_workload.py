"""From a spec to the workload that it describes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.sharding.geometry import padded_columns
from shardplan.spec.batches.own_batches import own_batches
from shardplan.spec.demands.outputs import pinned_outputs
from shardplan.workload.access import Padded
from shardplan.workload.collection import POOLED
from shardplan.workload.dense.dense_model import DenseModel
from shardplan.workload.dtype import Dtype
from shardplan.workload.module.pooling_type import PoolingType
from shardplan.workload.row_order import RowOrder
from shardplan.workload.table import Table
from shardplan.workload.training import Training
from shardplan.workload.wire.reduction import Reduction
from shardplan.workload.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shardplan.spec.batches.own_batches import OwnBatches
    from shardplan.spec.spec import Spec, TrainingSpec
    from shardplan.spec.tables.table_spec import DefaultsSpec, TableSpec
    from shardplan.spec.training.dense_spec import DenseSpec
    from shardplan.workload.collection import Collection

_SECONDS_PER_MS = 1e-3


def build_workload(spec: Spec, world_size: int, groups: int = 1) -> Workload:
    """The workload of one of so many ``groups`` of ``world_size`` devices: a local batch is
    multiplied by the one, a global one divided by the other."""
    devices = world_size * groups
    batch = spec.batch.global_batch(devices)
    collections = {
        path: replace(
            module.collection,
            batch_share=module.batch.share_of(batch, devices) if module.batch else 1.0,
        )
        for path, module in (spec.modules or {}).items()
    }
    batches = own_batches(spec)
    count = Counter(table.name for table in spec.tables)
    outputs = pinned_outputs(spec.constraints, spec.table_keys)
    return Workload(
        name=spec.name,
        tables=tuple(
            _table(
                table,
                spec.defaults,
                collections,
                batches,
                outputs.get(index, ()),
                has_namesake=count[table.name] > 1,
            )
            for index, table in enumerate(spec.tables)
        ),
        global_batch=batch // groups,
        training=_training(spec.training),
    )


def _table(
    table: TableSpec,
    defaults: DefaultsSpec,
    collections: Mapping[str, Collection],
    batches: OwnBatches,
    outputs: Sequence[Dtype],
    *,
    has_namesake: bool,
) -> Table:
    used = table.dim or defaults.dim
    assert used is not None, "a loaded spec has a dim for every table"
    dim = padded_columns(used)
    features = table.features or (table.name,)
    pooling = defaults.pooling if table.pooling is None else table.pooling
    dynamic = table.dynamic.dynamic if table.dynamic else None
    levels = dynamic is not None and dynamic.dist.levels_blocks
    module = table.module_in(defaults)
    collection = collections.get(module, POOLED)
    if outputs:
        collection = replace(collection, output_dtype=outputs[0])
    cap = defaults.cap if table.cap is None else table.cap
    access, padding = table.access or defaults.access, table.padding or defaults.padding
    pooling_type = table.pooling_type or defaults.pooling_type or PoolingType.SUM
    weighted = defaults.weighted if table.weighted is None else table.weighted
    return Table(
        name=table.name,
        module=module,
        rows=table.rows,
        dim=dim,
        dtype=table.dtype or defaults.dtype,
        features=features,
        poolings=pooling if isinstance(pooling, tuple) else (pooling,) * len(features),
        access=Padded(access, padding.padding) if padding and padding.share else access,
        ids=RowOrder.HASHED if levels else table.ids or defaults.ids,
        weighted=bool(weighted) or collection.learns_weights,
        collection=collection,
        caps=() if cap is None else cap if isinstance(cap, tuple) else (cap,) * len(features),
        batch_shares=batches.shares(features, table.poolings_of(features)),
        pooling_type=pooling_type if collection.is_pooled else PoolingType.SUM,
        has_namesake=has_namesake,
        dynamic=dynamic,
        unpadded_dim=None if dim == used else used,
        hot_ids=table.hot_ids if isinstance(table.hot_ids, int) else 0,
    )


def _training(training: TrainingSpec) -> Training:
    forward, backward = training.comm_dtype.base or (Dtype.FP32, Dtype.FP32)
    return Training(
        optimizer=training.optimizer,
        comm_forward=forward,
        comm_backward=backward,
        own_wires=None if training.comm_dtype.base else training.comm_dtype.wires,
        reduction=training.all_reduce.reduction if training.all_reduce else Reduction(),
        pipeline=training.pipeline,
        dense_forward_seconds=training.dense.forward_ms * _SECONDS_PER_MS,
        dense_backward_seconds=training.dense.backward_ms * _SECONDS_PER_MS,
        dense_optimizer_seconds=training.dense.optimizer_ms * _SECONDS_PER_MS,
        dense_memory_bytes=_dense_memory(training.dense),
        dense=_dense(training),
        overhead_seconds=(training.overhead_ms or 0.0) * _SECONDS_PER_MS,
        sample_bytes=_sample_bytes(training),
        load_seconds_per_sample=_load_seconds(training),
        exact_updates=training.exact_updates,
        weight_decay_mode=training.weight_decay_mode,
        optimizer_state_dtypes=training.optimizer_state_dtypes.given,
        use_rowwise_bias_correction=training.use_rowwise_bias_correction,
        cache_algorithm=training.cache_algorithm,
        replica_sync=training.replicas.sync if training.replicas else None,
        hot_rows=bool(training.hot_rows),
    )


def _sample_bytes(training: TrainingSpec) -> float | None:
    given = training.input.bytes_per_sample if training.input else None
    return None if given is None else float(given)


def _load_seconds(training: TrainingSpec) -> float:
    return (training.input.load_per_sample or 0.0) if training.input else 0.0


def _dense_memory(dense: DenseSpec) -> int | None:
    """None where the layers say it."""
    is_given = dense.layers is None or "memory" in dense.model_fields_set
    return dense.memory if is_given else None


def _dense(training: TrainingSpec) -> DenseModel | None:
    dense = training.dense
    if dense.layers is None:
        return None
    assert dense.dtype is not None, "layers come with all that is said of them"
    assert dense.parallel is not None
    assert dense.gradient_dtype is not None
    assert dense.bucket is not None
    return DenseModel(
        layers=dense.layers,
        precision=dense.dtype,
        parallel=dense.parallel,
        gradient_dtype=dense.gradient_dtype,
        optimizer=dense.optimizer or training.optimizer,
        bucket_bytes=dense.bucket,
    )
