"""Two plans side by side: what moves, what changes in cost, and which input changed."""
