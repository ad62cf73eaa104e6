"""How a collective passes its bytes on between scale-up domains: one algorithm a file."""
