"""Tables whose rows are made as ids come: hash tables with their values in HBM, host memory, both."""
