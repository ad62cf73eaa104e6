"""What ``shardplan solve`` does once its options are read."""
