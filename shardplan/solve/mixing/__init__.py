"""Caches of any size: options in any proportion."""
