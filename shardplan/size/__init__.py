"""Which machine, how many nodes of it, at what price; and proof that fewer will not do."""
