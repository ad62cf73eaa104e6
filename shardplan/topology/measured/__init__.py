"""Collectives as they were measured on some machine: their curves, and how files carry them."""
