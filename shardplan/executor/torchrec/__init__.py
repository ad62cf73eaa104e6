"""Plans under TorchRec: ``shard`` a model by a plan, or take the ``sharding_plan`` alone."""

from shardplan.executor.torchrec.translate import sharding_plan
from shardplan.executor.torchrec.wrap import shard

__all__ = ["shard", "sharding_plan"]
