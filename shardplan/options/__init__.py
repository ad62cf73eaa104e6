"""The ways to shard one table, and where their shards lie."""
