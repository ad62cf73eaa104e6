"""From measured steps to a cost model and a framework profile."""
