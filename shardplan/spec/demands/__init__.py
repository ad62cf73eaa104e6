"""What constraints demand, and which contradict each other."""
