"""The cost model against TorchRec itself, on random tables; skipped where TorchRec is absent."""

import math
import random
from types import SimpleNamespace

import numpy as np
import pytest
from torchrec_cases import option_set, shipped_constants

from shardplan.cost.torchrec import TorchRecCostModel
from shardplan.options.kernel import KERNELS, Kernel
from shardplan.options.sharding_type import ShardingType
from shardplan.workload.access import Uniform
from shardplan.workload.dtype import Dtype
from shardplan.workload.table import Table
from shardplan.workload.training import Optimizer, Pipeline, Training
from shardplan.workload.workload import Workload

pytestmark = pytest.mark.filterwarnings("ignore")

MIN_COLUMNS = 8


@pytest.mark.parametrize("seed", range(6))
def test_every_option_costs_what_torchrec_says(seed):
    """All types and kernels of six random tables: seconds to 12 digits, bytes to the byte."""
    pytest.importorskip("torchrec")
    dice = random.Random(seed)
    workload, topology = random_problem(dice)
    theirs = torchrec_options(workload, topology)
    keys = sorted(theirs)
    assert len(keys) > 20
    model = TorchRecCostModel(workload, topology, shipped_constants())
    costs = model.unit_costs(option_set(*keys))
    for key, load, memory in zip(keys, costs.load_seconds, costs.memory_bytes, strict=True):
        perf, storage, shards = theirs[key]
        expected = [perf.fwd_compute, perf.fwd_comms, perf.bwd_comms, perf.bwd_compute]
        assert load[:4] == pytest.approx(np.array(expected) * shards / 1e3, rel=1e-12, abs=0), key
        assert memory[0] == storage.hbm * shards, key
        assert memory[1] == storage.ddr * shards, key


def random_problem(dice):
    """A workload of six tables, and the cluster's shape."""
    nodes, each = dice.choice([(1, 2), (1, 8), (2, 4), (4, 2), (4, 8)])
    tables = tuple(
        Table(
            name=f"t{i}",
            module="ebc",
            rows=int(10 ** dice.uniform(2, 8)),
            dim=dice.choice([4, 8, 16, 32, 48, 64, 96, 128, 256, 512]),
            dtype=dice.choice([Dtype.FP32, Dtype.FP16]),
            features=tuple(f"f{i}_{j}" for j in range(dice.randint(1, 3))),
            poolings=(),
            access=Uniform(),
        )
        for i in range(6)
    )
    tables = tuple(
        Table(
            t.name,
            t.module,
            t.rows,
            t.dim,
            t.dtype,
            t.features,
            tuple(round(dice.uniform(0.2, 60), 2) for _ in t.features),
            t.access,
        )
        for t in tables
    )
    training = Training(
        optimizer=dice.choice(list(Optimizer)),
        comm_forward=dice.choice([Dtype.FP32, Dtype.FP16]),
        comm_backward=dice.choice([Dtype.FP16, Dtype.BF16]),
        pipeline=dice.choice([Pipeline.NONE, Pipeline.SPARSE_DIST]),
    )
    if training.comm_forward is Dtype.FP32:
        training = Training(training.optimizer, pipeline=training.pipeline)
    local_batch = dice.choice([128, 512, 4096])
    topology = SimpleNamespace(world_size=nodes * each, devices_per_node=each)
    return Workload("random", tables, local_batch * nodes * each, training), topology


def torchrec_options(workload, topology):
    """TorchRec's first shard of each option: (perf, storage, such shards on one device)."""
    found = {}
    for option in enumerated(workload, topology):
        shards, each = option.shards, topology.devices_per_node
        columns = math.ceil(option.tensor.shape[1] / shards[0].size[1])
        on_device = 1
        if option.sharding_type == ShardingType.TABLE_COLUMN_WISE:
            on_device, rest = divmod(columns, each)
            if rest:
                continue
        table = int(option.name[1:])
        key = (table, option.sharding_type, option.compute_kernel, columns)
        found[key] = (shards[0].perf, shards[0].storage, on_device)
    return found


def enumerated(workload, topology):
    """All sharding options that TorchRec finds for the workload's tables on the meta device."""
    import torch
    from torch.distributed.optim import _apply_optimizer_in_backward
    from torchrec import EmbeddingBagCollection, EmbeddingBagConfig
    from torchrec import optim as trec
    from torchrec.distributed.embeddingbag import EmbeddingBagCollectionSharder
    from torchrec.distributed.fbgemm_qcomm_codec import (
        CommType,
        QCommsConfig,
        get_qcomm_codecs_registry,
    )
    from torchrec.distributed.planner.enumerators import EmbeddingEnumerator
    from torchrec.distributed.planner.shard_estimators import (
        EmbeddingPerfEstimator,
        EmbeddingStorageEstimator,
    )
    from torchrec.distributed.planner.types import ParameterConstraints
    from torchrec.distributed.planner.types import Topology as TheirTopology
    from torchrec.distributed.types import PipelineType
    from torchrec.modules.embedding_configs import DataType

    optimizers = {
        Optimizer.SGD: trec.SGD,
        Optimizer.ADAGRAD: trec.Adagrad,
        Optimizer.ROWWISE_ADAGRAD: trec.RowWiseAdagrad,
        Optimizer.ADAM: trec.Adam,
    }
    codecs = {Dtype.FP32: CommType.FP32, Dtype.FP16: CommType.FP16, Dtype.BF16: CommType.BF16}
    pipelines = {
        Pipeline.NONE: PipelineType.NONE,
        Pipeline.SPARSE_DIST: PipelineType.TRAIN_SPARSE_DIST,
    }
    training = workload.training
    ebc = EmbeddingBagCollection(
        device=torch.device("meta"),
        tables=[
            EmbeddingBagConfig(
                num_embeddings=t.rows,
                embedding_dim=t.dim,
                name=t.name,
                feature_names=list(t.features),
                data_type=DataType.FP16 if t.dtype is Dtype.FP16 else DataType.FP32,
            )
            for t in workload.tables
        ],
    )
    _apply_optimizer_in_backward(optimizers[training.optimizer], ebc.parameters(), {"lr": 0.1})
    registry = None
    if training.comm_forward is not Dtype.FP32:
        registry = get_qcomm_codecs_registry(
            QCommsConfig(codecs[training.comm_forward], codecs[training.comm_backward]),
            device=torch.device("cpu"),
        )
    theirs = TheirTopology(topology.world_size, "cuda", local_world_size=topology.devices_per_node)
    constraints = {
        t.name: ParameterConstraints(
            sharding_types=[s.value for s in ShardingType],
            compute_kernels=[k.value for k in KERNELS if k is not Kernel.KEY_VALUE],
            min_partition=MIN_COLUMNS,
            pooling_factors=list(t.poolings),
        )
        for t in workload.tables
    }
    estimators = [
        EmbeddingPerfEstimator(topology=theirs, constraints=constraints),
        EmbeddingStorageEstimator(
            topology=theirs, constraints=constraints, pipeline_type=pipelines[training.pipeline]
        ),
    ]
    enumerator = EmbeddingEnumerator(
        theirs,
        batch_size=workload.global_batch // topology.world_size,
        constraints=constraints,
        estimator=estimators,
    )
    sharder = EmbeddingBagCollectionSharder(qcomm_codecs_registry=registry)
    return enumerator.enumerate(ebc, [sharder])
