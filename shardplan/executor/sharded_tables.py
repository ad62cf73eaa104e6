"""All tables of a plan on this rank: where training programs import it from, wherever it stands."""

from shardplan.executor.native.sharded_tables import shard_tables

__all__ = ["shard_tables"]
