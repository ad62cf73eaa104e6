"""What a plan is worth to its owner with more of something, or with less."""
