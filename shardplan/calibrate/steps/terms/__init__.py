"""What the time of a step is linear in, and how much of each a plan has."""
