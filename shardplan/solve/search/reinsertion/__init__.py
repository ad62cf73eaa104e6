"""One placement annealed by compiled code, an item or two at a time."""
