"""What a plan costs, where and why, as numbers."""
