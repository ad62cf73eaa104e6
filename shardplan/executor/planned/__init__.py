"""What executors ask of a plan, and when they refuse it; needs no PyTorch."""
