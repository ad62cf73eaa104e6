"""The cost model against TorchRec itself, on random tables; skipped where TorchRec is absent."""

import math
import random
from types import SimpleNamespace

import numpy as np
import pytest
from torchrec_cases import option_set, shipped_constants

from shardplan.cost.torchrec.model import TorchRecCostModel
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType
from shardplan.sharding.world import World
from shardplan.workload.access import Uniform
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.table import Table
from shardplan.workload.training import Training
from shardplan.workload.workload import Workload

pytestmark = pytest.mark.filterwarnings("ignore")

MIN_COLUMNS = 8
TORCHREC_CLASSES = {
    Optimizer.SGD: "SGD",
    Optimizer.ADAGRAD: "Adagrad",
    Optimizer.ROWWISE_ADAGRAD: "RowWiseAdagrad",
    Optimizer.ADAM: "Adam",
    Optimizer.LAMB: "LAMB",
    Optimizer.PARTIAL_ROWWISE_ADAM: "PartialRowWiseAdam",
    Optimizer.PARTIAL_ROWWISE_LAMB: "PartialRowWiseLAMB",
    Optimizer.LARS_SGD: "LarsSGD",
}
"""Of ``torchrec.optim``; it has none for the others."""


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
    tables = tuple(random_table(dice, i) for i in range(6))
    training = Training(
        optimizer=dice.choice(list(TORCHREC_CLASSES)),
        comm_forward=dice.choice([Dtype.FP32, Dtype.FP16]),
        comm_backward=dice.choice([Dtype.FP16, Dtype.BF16]),
        pipeline=dice.choice([Pipeline.NONE, Pipeline.SPARSE_DIST]),
    )
    if training.comm_forward is Dtype.FP32:
        training = Training(training.optimizer, pipeline=training.pipeline)
    local_batch = dice.choice([128, 512, 4096])
    world = World(nodes * each, each)
    topology = SimpleNamespace(
        world_size=world.size,
        devices_per_node=each,
        world=world,
        whole=SimpleNamespace(world=world),
    )
    return Workload("random", tables, local_batch * nodes * each, training), topology


def random_table(dice, index):
    poolings = tuple(round(dice.uniform(0.2, 60), 2) for _ in range(dice.randint(1, 3)))
    return Table(
        name=f"t{index}",
        module="ebc",
        rows=int(10 ** dice.uniform(2, 8)),
        dim=dice.choice([4, 8, 16, 32, 48, 64, 96, 128, 256, 512]),
        dtype=dice.choice([Dtype.FP32, Dtype.FP16]),
        features=tuple(f"f{index}_{feature}" for feature in range(len(poolings))),
        poolings=poolings,
        access=Uniform(),
        batch_shares=dice.choice(
            [(), tuple(dice.choice([1, 3]) * dice.randint(1, 16) / 16 for _ in poolings)]
        ),
    )


def torchrec_options(workload, topology):
    """TorchRec's first shard of each option: (perf, storage, such shards on one device)."""
    found = {}
    for option in enumerated(workload, topology):
        shards, each = option.shards, topology.devices_per_node
        columns = math.ceil(option.tensor.shape[1] / shards[0].size[1])
        on_device = 1
        if option.sharding_type == ShardingType.TABLE_COLUMN_WISE.name:
            on_device, rest = divmod(columns, each)
            if rest:
                continue
        table = int(option.name[1:])
        key = (table, option.sharding_type, option.compute_kernel, columns)
        found[key] = (shards[0].perf, shards[0].storage, on_device)
    return found


def enumerated(workload, topology):
    """All sharding options that TorchRec finds, estimated by its own estimators."""
    from torchrec.distributed.planner import enumerators, shard_estimators
    from torchrec.distributed.planner.types import ParameterConstraints
    from torchrec.distributed.planner.types import Topology as TheirTopology
    from torchrec.distributed.types import PipelineType

    pipelines = {
        Pipeline.NONE: PipelineType.NONE,
        Pipeline.SPARSE_DIST: PipelineType.TRAIN_SPARSE_DIST,
    }
    world_size, each = topology.world_size, topology.devices_per_node
    local_batch = workload.global_batch // world_size
    theirs = TheirTopology(world_size, "cuda", local_world_size=each)
    constraints = {
        table.name: ParameterConstraints(
            sharding_types=[kind.name for kind in SHARDING_TYPES if kind.is_torchrecs],
            compute_kernels=[kernel.name for kernel in KERNELS if kernel is not Kernel.KEY_VALUE],
            min_partition=MIN_COLUMNS,
            pooling_factors=list(table.poolings),
            num_poolings=[_times(share) for share in table.shares],
            batch_sizes=[round(share / _times(share) * local_batch) for share in table.shares],
        )
        for table in workload.tables
    }
    estimators = [
        shard_estimators.EmbeddingPerfEstimator(theirs, constraints),
        shard_estimators.EmbeddingStorageEstimator(
            theirs, constraints, pipelines[workload.training.pipeline]
        ),
    ]
    enumerator = enumerators.EmbeddingEnumerator(
        theirs, workload.global_batch // world_size, constraints, estimators
    )
    return enumerator.enumerate(module_of(workload), [sharder_of(workload.training)])


def _times(share):
    """Poolings of each sample, where a feature has more samples than the batch."""
    return 3.0 if share > 1 else 1.0


def module_of(workload):
    """The tables as a module on the meta device, with the optimizer in the backward pass."""
    import torch
    import torchrec
    from torch.distributed.optim import _apply_optimizer_in_backward
    from torchrec.modules.embedding_configs import DataType

    tables = [
        torchrec.EmbeddingBagConfig(
            num_embeddings=table.rows,
            embedding_dim=table.dim,
            name=table.name,
            feature_names=list(table.features),
            data_type=DataType.FP16 if table.dtype is Dtype.FP16 else DataType.FP32,
        )
        for table in workload.tables
    ]
    module = torchrec.EmbeddingBagCollection(tables, device=torch.device("meta"))
    optimizer = getattr(torchrec.optim, TORCHREC_CLASSES[workload.training.optimizer])
    _apply_optimizer_in_backward(optimizer, module.parameters(), {"lr": 0.1})
    return module


def sharder_of(training):
    """With codecs, unless all is sent in fp32."""
    import torch
    from torchrec.distributed import embeddingbag, fbgemm_qcomm_codec

    registry = None
    if training.comm_forward is not Dtype.FP32:
        types = fbgemm_qcomm_codec.CommType
        codecs = {Dtype.FP16: types.FP16, Dtype.BF16: types.BF16}
        registry = fbgemm_qcomm_codec.get_qcomm_codecs_registry(
            fbgemm_qcomm_codec.QCommsConfig(
                codecs[training.comm_forward], codecs[training.comm_backward]
            ),
            device=torch.device("cpu"),
        )
    return embeddingbag.EmbeddingBagCollectionSharder(qcomm_codecs_registry=registry)
