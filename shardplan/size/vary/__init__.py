"""Machines that do not exist yet: what more of a resource is worth, and which mix is balanced."""
