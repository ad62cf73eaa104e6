"""Lower bounds: programs that no placement can beat."""
