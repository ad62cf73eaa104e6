"""From counts to what a spec says: the curve of accesses, its form, the order of ids, error bars."""
