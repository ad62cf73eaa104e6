"""What all ranks do together, or refuse together."""
