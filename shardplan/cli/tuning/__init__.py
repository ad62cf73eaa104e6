"""What ``shardplan tune`` does once its options are read."""
