"""Moves that make a placement better."""
