"""What TorchRec itself makes of modules whose tables average and are cut by rows."""

from __future__ import annotations

import torch
import torch.distributed as dist
from fbgemm_gpu.split_embedding_configs import EmbOptimType
from torchrec import EmbeddingBagCollection, EmbeddingBagConfig, KeyedJaggedTensor
from torchrec.distributed import DistributedModelParallel
from torchrec.distributed.embeddingbag import EmbeddingBagCollectionSharder
from torchrec.distributed.sharding_plan import (
    construct_module_sharding_plan,
    row_wise,
    table_wise,
)
from torchrec.distributed.types import ShardingPlan
from torchrec.modules.embedding_configs import PoolingType

CPU = torch.device("cpu")
ROWS, DIM, SAMPLES = 50, 16, 4
WAYS = {
    "row_wise": lambda: row_wise(compute_kernel="fused"),
    "table_wise": lambda: table_wise(0, compute_kernel="fused"),
}


def _bags(device: torch.device) -> EmbeddingBagCollection:
    """Two tables that average, and one that does not."""
    poolings = [PoolingType.MEAN, PoolingType.MEAN, PoolingType.SUM]
    tables = [
        EmbeddingBagConfig(ROWS, DIM, f"t{n}", feature_names=[f"f{n}"], pooling=pooling)
        for n, pooling in enumerate(poolings)
    ]
    return EmbeddingBagCollection(tables, device=device)


def farthest(kinds: tuple[str, ...]) -> float:
    """How far outputs are from those of the unsharded module, sharded without shardplan."""
    torch.manual_seed(0)
    whole, meta = _bags(CPU), _bags(torch.device("meta"))
    sgd = {"optimizer": EmbOptimType.EXACT_SGD, "learning_rate": 0.1}
    sharder = EmbeddingBagCollectionSharder(sgd)
    ways = {f"t{n}": WAYS[kind]() for n, kind in enumerate(kinds)}
    size = dist.get_world_size()
    found = construct_module_sharding_plan(
        meta, ways, sharder=sharder, local_size=size, world_size=size, device_type="cpu"
    )
    sharded = DistributedModelParallel(
        meta, device=CPU, plan=ShardingPlan({"": found}), sharders=[sharder]
    )
    start = whole.state_dict()
    for name, weights in sharded.state_dict().items():
        for each in weights.local_shards():
            (row, _), (rows, _) = each.metadata.shard_offsets, each.metadata.shard_sizes
            each.tensor.detach().copy_(start[name][row : row + rows])
    draw = torch.Generator().manual_seed(dist.get_rank())
    lengths = torch.randint(0, 5, (3 * SAMPLES,), generator=draw)
    ids = torch.randint(0, ROWS, (int(lengths.sum()),), generator=draw)
    batch = KeyedJaggedTensor(["f0", "f1", "f2"], ids, lengths=lengths)
    mine, theirs = sharded(batch).to_dict(), whole(batch).to_dict()
    return max(float((mine[name] - theirs[name]).abs().max()) for name in theirs)
