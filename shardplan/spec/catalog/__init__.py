"""Topologies and cost models by name, by path or inline."""
