"""Which plan is the fastest, and how surely, from runs in turn."""
