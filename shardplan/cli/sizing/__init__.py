"""What ``shardplan size`` does once its options are read."""
