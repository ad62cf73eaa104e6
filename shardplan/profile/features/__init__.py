"""Which columns are features, which share a table, and what the trainer does to their ids."""
