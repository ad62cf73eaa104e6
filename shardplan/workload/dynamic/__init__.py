"""Dynamic tables: hash tables whose values lie in HBM, in host memory, or in both."""
