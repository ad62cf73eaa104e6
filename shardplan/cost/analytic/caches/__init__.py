"""What caches in HBM and DDR do for the rows that batches read."""
