"""What a sharding type and a compute kernel are, the world, and the exact geometry of shards."""
