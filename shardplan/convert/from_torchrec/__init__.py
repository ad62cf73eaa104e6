"""Plans of TorchRec's planner, read from what a job prints or writes of them."""
