"""From counts to what a spec says: the curve of accesses, the order of ids, error bars."""
