"""Many placements side by side, a few items of each at a time."""
