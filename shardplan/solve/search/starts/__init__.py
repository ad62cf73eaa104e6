"""Placements from nothing: options chosen for all items, and put where they add least."""
