"""Moves that decide which groups of options are paid for, where these are charged for once."""
