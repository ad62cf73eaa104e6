"""Plans under TorchRec: ``shard`` a model by a plan, or take the ``sharding_plan`` alone, or with
it the ``group_arguments`` of a plan of groups of devices."""

from shardplan.executor.torchrec.translate import group_arguments, sharding_plan
from shardplan.executor.torchrec.wrap import shard

__all__ = ["group_arguments", "shard", "sharding_plan"]
