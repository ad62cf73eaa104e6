"""What is asked of ``shardplan size``: machines, numbers of nodes, batches, prices, targets."""
